//! Which categories of events a segment has.

use model::EventCategory;

/// Some categories of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct CategorySet(u8);

const ALL: [EventCategory; 4] =
    [EventCategory::Management, EventCategory::Data, EventCategory::NetworkActivity, EventCategory::Insight];

const fn bit(category: EventCategory) -> u8 {
    match category {
        EventCategory::Management => 1,
        EventCategory::Data => 2,
        EventCategory::NetworkActivity => 4,
        EventCategory::Insight => 8,
    }
}

impl FromIterator<EventCategory> for CategorySet {
    fn from_iter<I: IntoIterator<Item = EventCategory>>(categories: I) -> Self {
        Self(categories.into_iter().fold(0, |bits, category| bits | bit(category)))
    }
}

impl CategorySet {
    /// Whether it has one of these.
    pub(crate) fn has_any(self, categories: &[EventCategory]) -> bool {
        categories.iter().any(|category| self.0 & bit(*category) > 0)
    }

    fn categories(self) -> impl Iterator<Item = EventCategory> {
        ALL.into_iter().filter(move |category| self.0 & bit(*category) > 0)
    }

    /// Whether all of them, and at least one, are [of high volume](EventCategory::is_of_high_volume) or all are not; `None`
    /// where it has both.
    pub(crate) fn is_of_high_volume(self) -> Option<bool> {
        let mut kinds = self.categories().map(EventCategory::is_of_high_volume);
        let first = kinds.next()?;
        kinds.all(|kind| kind == first).then_some(first)
    }

    /// Their names, with commas between them.
    pub(crate) fn to_text(self) -> String {
        self.categories().map(EventCategory::as_str).collect::<Vec<_>>().join(",")
    }

    /// Reads what [`CategorySet::to_text`] wrote; `None` if it has another name in it.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let category = |name: &str| ALL.into_iter().find(|category| category.as_str() == name);
        text.split(',').map(category).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_comes_back_from_its_text() {
        for bits in 1..16 {
            assert_eq!(CategorySet::from_text(&CategorySet(bits).to_text()), Some(CategorySet(bits)));
        }
        assert_eq!(CategorySet::from_text("Management,Later"), None, "of a later version");
        assert_eq!(CategorySet::from_text(""), None);
    }

    #[test]
    fn a_set_tells_which_categories_it_has_and_whether_they_are_of_high_volume() {
        let set = |categories: &[EventCategory]| categories.iter().copied().collect::<CategorySet>();
        use EventCategory::{Data, Insight, Management, NetworkActivity};
        assert!(set(&[Management, Data]).has_any(&[Insight, Data]));
        assert!(!set(&[Management, Data]).has_any(&[Insight, NetworkActivity]));
        assert_eq!(set(&[Management, Insight]).is_of_high_volume(), Some(false));
        assert_eq!(set(&[Data, NetworkActivity]).is_of_high_volume(), Some(true));
        assert_eq!(set(&[Data, Management]).is_of_high_volume(), None);
        assert_eq!(set(&[]).is_of_high_volume(), None);
    }
}
