//! Whether selectors take an event.
//!
//! A trail may have 500 conditions in as many selectors, and every event is asked about by every trail. Selectors that
//! differ in one field alone are made one, and the rest are found by a value that they want, so that the time of a
//! decision hardly grows with their number.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::facts::{EventFacts, Field, ResourceFacts};
use super::{AdvancedSelector, BasicSelector, EventSelectors, FieldSelector};

/// Decides whether events are selected.
#[derive(Debug, Clone, Default)]
pub struct Matcher {
    selectors: Vec<CompiledSelector>,
    /// Places of selectors by a value of the field that they are found by.
    found_by: Vec<(KeyField, Places)>,
    /// Places of selectors that every event is asked about.
    others: Vec<usize>,
}

/// Places of selectors, by a text that they want.
type Places = HashMap<Box<str>, Vec<usize>>;

/// A field that selectors may be found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyField {
    ResourceType,
    Of(Field),
}

/// Those that tell most selectors apart come first.
const KEY_FIELDS: [KeyField; 7] = [
    KeyField::ResourceType,
    KeyField::Of(Field::CallerArn),
    KeyField::Of(Field::EventName),
    KeyField::Of(Field::EventSource),
    KeyField::Of(Field::ErrorCode),
    KeyField::Of(Field::VpcEndpointId),
    KeyField::Of(Field::Category),
];

#[derive(Debug, Clone, Default)]
struct CompiledSelector {
    fields: Vec<(Field, Test)>,
    resource_type: Option<Test>,
    resource_arn: Option<Test>,
    /// A field that no event has: never fits.
    is_impossible: bool,
}

/// What a text must be: one of the positive operators where there are any, and none of the negative ones.
#[derive(Debug, Clone, Default)]
struct Test {
    wanted: Texts,
    refused: Texts,
}

#[derive(Debug, Clone, Default)]
struct Texts {
    equal: HashSet<Box<str>>,
    /// Ascending, none of which begins with another.
    beginnings: Vec<Box<str>>,
    /// Reversed, ascending, none of which begins with another.
    ends: Vec<Box<[u8]>>,
}

impl Texts {
    fn new(equal: &[String], beginnings: &[String], ends: &[String]) -> Self {
        let mut beginnings: Vec<Box<str>> = beginnings.iter().map(|text| text.as_str().into()).collect();
        beginnings.sort_unstable();
        beginnings.dedup_by(|later, earlier| later.starts_with(&**earlier));
        let mut ends: Vec<Box<[u8]>> = ends.iter().map(|text| text.bytes().rev().collect()).collect();
        ends.sort_unstable();
        ends.dedup_by(|later, earlier| later.starts_with(earlier));
        Self { equal: equal.iter().map(|text| text.as_str().into()).collect(), beginnings, ends }
    }

    fn is_empty(&self) -> bool {
        self.equal.is_empty() && self.beginnings.is_empty() && self.ends.is_empty()
    }

    fn has(&self, text: &str) -> bool {
        if self.equal.contains(text) {
            return true;
        }
        // The last that is not behind the text is the only one that the text can begin with.
        let before = self.beginnings.partition_point(|beginning| **beginning <= *text);
        if before > 0 && text.starts_with(&*self.beginnings[before - 1]) {
            return true;
        }
        if self.ends.is_empty() {
            return false;
        }
        let behind = |end: &[u8]| end.iter().copied().cmp(text.bytes().rev()).is_gt();
        let before = self.ends.partition_point(|end| !behind(end));
        before > 0 && {
            let end = &self.ends[before - 1];
            text.bytes().rev().take(end.len()).eq(end.iter().copied())
        }
    }
}

impl Test {
    fn new(selector: &FieldSelector) -> Self {
        Self {
            wanted: Texts::new(&selector.equals, &selector.starts_with, &selector.ends_with),
            refused: Texts::new(&selector.not_equals, &selector.not_starts_with, &selector.not_ends_with),
        }
    }

    fn fits(&self, text: Option<&str>) -> bool {
        match text {
            Some(text) => (self.wanted.is_empty() || self.wanted.has(text)) && !self.refused.has(text),
            None => self.wanted.is_empty(),
        }
    }
}

impl CompiledSelector {
    fn new(selector: &AdvancedSelector) -> Self {
        let mut compiled = Self::default();
        for field in &selector.field_selectors {
            let test = Test::new(field);
            match (field.field.as_str(), Field::named(&field.field)) {
                (_, Some(known)) => compiled.fields.push((known, test)),
                ("resources.type", _) => compiled.resource_type = Some(test),
                ("resources.ARN", _) => compiled.resource_arn = Some(test),
                _ => compiled.is_impossible = true,
            }
        }
        compiled
    }

    fn fits(&self, facts: &EventFacts<'_>) -> bool {
        !self.is_impossible
            && self.fields.iter().all(|(field, test)| test.fits(facts.field(*field)))
            && self.fits_resources(facts.resources.as_deref().unwrap_or_default())
    }

    /// See [`Matcher::may_fit`].
    fn may_fit(&self, facts: &EventFacts<'_>) -> bool {
        let fits = |(field, test): &(Field, Test)| facts.field(*field).is_none_or(|text| test.fits(Some(text)));
        !self.is_impossible && self.fields.iter().all(fits)
    }

    /// One resource has both the type and the ARN that are wanted, and none of the type has an ARN that is refused.
    fn fits_resources(&self, resources: &[ResourceFacts<'_>]) -> bool {
        let is_of_type = |resource: &&ResourceFacts<'_>| {
            self.resource_type.as_ref().is_none_or(|test| test.fits(resource.resource_type.as_deref()))
        };
        let mut of_type = resources.iter().filter(is_of_type).peekable();
        if self.resource_type.is_some() && of_type.peek().is_none() {
            return false;
        }
        let Some(arn) = &self.resource_arn else { return true };
        let (mut is_wanted, mut is_refused) = (arn.wanted.is_empty(), false);
        for resource in of_type {
            if let Some(text) = resource.any_arn() {
                is_wanted |= arn.wanted.has(text);
                is_refused |= arn.refused.has(text);
            }
        }
        is_wanted && !is_refused
    }
}

impl CompiledSelector {
    /// The values of a field, one of which every event that fits has.
    fn keys(&self, field: KeyField) -> Option<&HashSet<Box<str>>> {
        let test = match field {
            KeyField::ResourceType => self.resource_type.as_ref(),
            KeyField::Of(wanted) => self.fields.iter().find(|(field, _)| *field == wanted).map(|(_, test)| test),
        };
        let wanted = &test?.wanted;
        let is_exact = wanted.beginnings.is_empty() && wanted.ends.is_empty() && !wanted.equal.is_empty();
        is_exact.then_some(&wanted.equal)
    }
}

/// Selectors of which none differs from another in one field alone, where both want some texts of it and refuse none.
/// `A and x in X` or `A and x in Y` is `A and x in X and Y together`.
fn merged(selectors: &[AdvancedSelector]) -> Vec<AdvancedSelector> {
    let mut selectors: Vec<Vec<FieldSelector>> =
        selectors.iter().map(|selector| selector.field_selectors.clone()).collect();
    let fields: HashSet<String> = selectors.iter().flatten().map(|field| field.field.clone()).collect();
    let mut fields: Vec<String> = fields.into_iter().collect();
    fields.sort_unstable();
    for name in fields {
        let mut groups: BTreeMap<String, Vec<FieldSelector>> = BTreeMap::new();
        let mut kept = Vec::new();
        for selector in selectors {
            let is_mergeable = |field: &FieldSelector| {
                let operators = field.operators();
                let (wants, refuses) = operators.split_at(3);
                wants.iter().any(|(_, texts)| !texts.is_empty()) && refuses.iter().all(|(_, texts)| texts.is_empty())
            };
            let mut same_field = selector.iter().filter(|field| field.field == name);
            let (first, second) = (same_field.next(), same_field.next());
            let Some(field) = first.filter(|field| is_mergeable(field) && second.is_none()).cloned() else {
                kept.push(selector);
                continue;
            };
            let mut rest: Vec<String> =
                selector.iter().filter(|field| field.field != name).map(|field| format!("{field:?}")).collect();
            rest.sort_unstable();
            match groups.entry(rest.join("\n")) {
                std::collections::btree_map::Entry::Vacant(entry) => {
                    entry.insert(selector);
                }
                std::collections::btree_map::Entry::Occupied(mut entry) => {
                    if let Some(into) = entry.get_mut().iter_mut().find(|field| field.field == name) {
                        into.equals.extend(field.equals);
                        into.starts_with.extend(field.starts_with);
                        into.ends_with.extend(field.ends_with);
                    }
                }
            }
        }
        kept.extend(groups.into_values());
        selectors = kept;
    }
    selectors.into_iter().map(|field_selectors| AdvancedSelector { name: None, field_selectors }).collect()
}

impl Matcher {
    /// Compiles selectors.
    pub fn new(selectors: &EventSelectors) -> Self {
        let advanced = match selectors {
            EventSelectors::Advanced(advanced) => Cow::Borrowed(&advanced[..]),
            EventSelectors::Basic(basic) => Cow::Owned(basic.iter().flat_map(BasicSelector::to_advanced).collect()),
        };
        let compiled = merged(&advanced).iter().map(CompiledSelector::new).collect();
        let mut matcher = Self { selectors: compiled, ..Self::default() };
        for (place, selector) in matcher.selectors.iter().enumerate() {
            let keys = KEY_FIELDS.iter().find_map(|field| selector.keys(*field).map(|keys| (*field, keys)));
            let Some((field, keys)) = keys else {
                matcher.others.push(place);
                continue;
            };
            if !matcher.found_by.iter().any(|(known, _)| *known == field) {
                matcher.found_by.push((field, Places::new()));
            }
            let Some((_, places)) = matcher.found_by.iter_mut().find(|(known, _)| *known == field) else { continue };
            for key in keys {
                places.entry(key.clone()).or_default().push(place);
            }
        }
        matcher
    }

    /// Whether any selector may fit a call of which some facts are not known: those are not asked for.
    pub fn may_fit(&self, known: &EventFacts<'_>) -> bool {
        self.selectors.iter().any(|selector| selector.may_fit(known))
    }

    /// Whether any selector fits an event.
    pub fn fits(&self, facts: &EventFacts<'_>) -> bool {
        let fits = |places: &[usize]| places.iter().any(|place| self.selectors[*place].fits(facts));
        fits(&self.others)
            || self.found_by.iter().any(|(field, places)| {
                let fits =
                    |value: Option<&str>| value.and_then(|value| places.get(value)).is_some_and(|found| fits(found));
                match field {
                    KeyField::ResourceType => {
                        let resources = facts.resources.as_deref().unwrap_or_default();
                        resources.iter().any(|resource| fits(resource.resource_type.as_deref()))
                    }
                    KeyField::Of(field) => fits(facts.field(*field)),
                }
            })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// What the documentation says, in the plainest way.
    fn plain(selectors: &[AdvancedSelector], record: &Value) -> bool {
        let holds = |field: &FieldSelector, text: Option<&str>| {
            let any = |texts: &[String], holds: fn(&str, &str) -> bool| {
                text.is_some_and(|text| texts.iter().any(|other| holds(text, other)))
            };
            let is_wanted = field.equals.is_empty() && field.starts_with.is_empty() && field.ends_with.is_empty()
                || any(&field.equals, |text, other| text == other)
                || any(&field.starts_with, |text, other| text.starts_with(other))
                || any(&field.ends_with, |text, other| text.ends_with(other));
            let is_refused = any(&field.not_equals, |text, other| text == other)
                || any(&field.not_starts_with, |text, other| text.starts_with(other))
                || any(&field.not_ends_with, |text, other| text.ends_with(other));
            (is_wanted, is_refused)
        };
        selectors.iter().any(|selector| {
            let (of_resources, of_event): (Vec<_>, Vec<_>) =
                selector.field_selectors.iter().partition(|field| field.field.starts_with("resources."));
            let find = |name: &str| of_resources.iter().find(|field| field.field == name);
            let resources = record["resources"].as_array().cloned().unwrap_or_default();
            let of_type: Vec<&Value> = resources
                .iter()
                .filter(|resource| {
                    find("resources.type").is_none_or(|field| holds(field, resource["type"].as_str()) == (true, false))
                })
                .collect();
            let event_fits = of_event.iter().all(|field| {
                let text = match field.field.as_str() {
                    "readOnly" => record["readOnly"].as_bool().map(|truth| truth.to_string()),
                    name => record[name].as_str().map(str::to_owned),
                };
                holds(field, text.as_deref()) == (true, false)
            });
            let arns_fit = find("resources.ARN").is_none_or(|field| {
                let arns: Vec<_> = of_type.iter().filter_map(|resource| resource["ARN"].as_str()).collect();
                let wants = !field.equals.is_empty() || !field.starts_with.is_empty() || !field.ends_with.is_empty();
                (!wants || arns.iter().any(|arn| holds(field, Some(arn)).0))
                    && !arns.iter().any(|arn| holds(field, Some(arn)).1)
            });
            event_fits && (find("resources.type").is_none() || !of_type.is_empty()) && arns_fit
        })
    }

    fn texts() -> impl Strategy<Value = Vec<String>> {
        proptest::collection::vec("[ab]{0,2}", 0..3)
    }

    fn field_selector(field: &'static str) -> impl Strategy<Value = FieldSelector> {
        (texts(), texts(), texts(), prop_oneof![4 => Just(None), 1 => (texts(), texts(), texts()).prop_map(Some)])
            .prop_map(move |(equals, starts_with, ends_with, refused)| {
                let (not_equals, not_starts_with, not_ends_with) = refused.unwrap_or_default();
                let field = field.to_owned();
                FieldSelector { field, equals, starts_with, ends_with, not_equals, not_starts_with, not_ends_with }
            })
    }

    fn advanced() -> impl Strategy<Value = Vec<AdvancedSelector>> {
        let fields = ["eventName", "eventSource", "resources.type", "resources.ARN", "errorCode"].map(field_selector);
        let selector =
            (proptest::collection::vec(any::<bool>(), 5), fields, prop_oneof![Just("Data"), Just("Management")]);
        let selector = selector.prop_map(|(is_there, fields, category)| {
            let mut field_selectors = vec![FieldSelector::equals("eventCategory", &[category])];
            field_selectors
                .extend(fields.into_iter().zip(is_there).filter(|(_, is_there)| *is_there).map(|(field, _)| field));
            AdvancedSelector { name: None, field_selectors }
        });
        proptest::collection::vec(selector, 0..8)
    }

    fn record() -> impl Strategy<Value = Value> {
        let text = || "[ab]{0,3}";
        let resources = proptest::collection::vec((text(), text()), 0..3);
        (prop_oneof![Just("Data"), Just("Management")], text(), text(), proptest::option::of(text()), resources).prop_map(
            |(category, name, source, error, resources)| {
                let resource = |(kind, arn): &(String, String)| json!({ "type": kind, "ARN": arn });
                let resources: Vec<Value> = resources.iter().map(resource).collect();
                let mut record =
                    json!({ "eventCategory": category, "eventName": name, "eventSource": source, "resources": resources });
                if let Some(error) = error {
                    record["errorCode"] = json!(error);
                }
                record
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]
        #[test]
        fn selectors_decide_like_a_plain_look(selectors in advanced(), records in proptest::collection::vec(record(), 8)) {
            let matcher = Matcher::new(&EventSelectors::Advanced(selectors.clone()));
            for record in records {
                let text = record.to_string();
                let facts = EventFacts::read(text.as_bytes()).unwrap();
                prop_assert_eq!(matcher.fits(&facts), plain(&selectors, &record), "{}", text);
            }
        }
    }

    #[test]
    fn selectors_that_differ_in_one_field_become_one() {
        let selector = |arn: &str| {
            let fields = [("eventCategory", "Data"), ("resources.type", "AWS::S3::Object")];
            let mut field_selectors: Vec<_> =
                fields.iter().map(|(field, value)| FieldSelector::equals(field, &[value])).collect();
            field_selectors.push(FieldSelector {
                field: "resources.ARN".to_owned(),
                starts_with: vec![arn.to_owned()],
                ..FieldSelector::default()
            });
            AdvancedSelector { name: Some(arn.to_owned()), field_selectors }
        };
        let arns: Vec<_> = (0..100).map(|number| selector(&format!("arn:aws:s3:::bucket-{number}/"))).collect();
        assert_eq!(merged(&arns).len(), 1);
    }

    proptest! {
        #[test]
        fn sets_of_texts_decide_like_a_plain_look(
            texts in proptest::collection::vec("[ab/]{0,4}", 0..12), equal in 0_usize..4, starts in 0_usize..6, text in "[ab/]{0,6}",
        ) {
            let (equals, rest) = texts.split_at(equal.min(texts.len()));
            let (starts, ends) = rest.split_at(starts.min(rest.len()));
            let plain = equals.contains(&text)
                || starts.iter().any(|start| text.starts_with(start.as_str()))
                || ends.iter().any(|end| text.ends_with(end.as_str()));
            prop_assert_eq!(Texts::new(equals, starts, ends).has(&text), plain);
        }
    }
}
