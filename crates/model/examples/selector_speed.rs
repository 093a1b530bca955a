//! How many decisions a second selectors make, on one core: `make bench-selectors`.
//!
//! Each case has 500 conditions, the most that a trail may have, and is asked about events of which some fit.
#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use model::selectors::{AdvancedSelector, EventFacts, EventSelectors, FieldSelector, Matcher};

const MEASURED: Duration = Duration::from_secs(1);

fn selector(fields: &[(&str, Vec<String>)], starts_with: Option<(&str, Vec<String>)>) -> AdvancedSelector {
    let equals = |(field, values): &(&str, Vec<String>)| FieldSelector {
        field: (*field).to_owned(),
        equals: values.clone(),
        ..FieldSelector::default()
    };
    let mut field_selectors: Vec<_> = fields.iter().map(equals).collect();
    if let Some((field, starts_with)) = starts_with {
        field_selectors.push(FieldSelector { field: field.to_owned(), starts_with, ..FieldSelector::default() });
    }
    AdvancedSelector { name: None, field_selectors }
}

fn text(text: &str) -> Vec<String> {
    vec![text.to_owned()]
}

fn cases() -> Vec<(&'static str, Vec<AdvancedSelector>)> {
    let data = || ("eventCategory", text("Data"));
    let object = || ("resources.type", text("AWS::S3::Object"));
    let bucket = |number: usize| format!("arn:aws:s3:::bucket-{number}/");
    let one = selector(&[data(), object()], Some(("resources.ARN", (0..498).map(bucket).collect())));
    let many = (0..166).map(|number| selector(&[data(), object()], Some(("resources.ARN", vec![bucket(number)]))));
    let names = (0..166).map(|number| {
        let (name, source) = (format!("Get{number}"), format!("service-{}.amazonaws.com", number % 20));
        selector(
            &[("eventCategory", text("Management")), ("eventName", vec![name]), ("eventSource", vec![source])],
            None,
        )
    });
    vec![
        ("one selector, 498 ARNs", vec![one]),
        ("166 selectors, an ARN each", many.collect()),
        ("166 selectors, a call each", names.collect()),
    ]
}

fn records() -> Vec<String> {
    let object = (0..100).map(|number| {
        let number = number * 7;
        format!(
            r#"{{"eventCategory":"Data","eventName":"PutObject","eventSource":"s3.amazonaws.com","readOnly":false,"resources":[{{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::bucket-{number}/folder/object"}},{{"type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::bucket-{number}"}}]}}"#
        )
    });
    let call = (0..100).map(|number| {
        let (name, source) = (number * 3, number % 20);
        format!(
            r#"{{"eventCategory":"Management","eventName":"Get{name}","eventSource":"service-{source}.amazonaws.com","readOnly":true}}"#
        )
    });
    object.chain(call).collect()
}

fn main() -> Result<(), serde_json::Error> {
    let records = records();
    let facts = records.iter().map(|record| EventFacts::read(record.as_bytes())).collect::<Result<Vec<_>, _>>()?;
    for (name, selectors) in cases() {
        let matcher = Matcher::new(&EventSelectors::Advanced(selectors));
        let fitting = facts.iter().filter(|facts| matcher.fits(facts)).count();
        let (begin, mut decisions) = (Instant::now(), 0_u64);
        while begin.elapsed() < MEASURED {
            for facts in &facts {
                black_box(matcher.fits(black_box(facts)));
            }
            decisions += facts.len() as u64;
        }
        let millions = decisions as f64 / begin.elapsed().as_secs_f64() / 1e6;
        println!("{name}: {millions:.1} million decisions a second, {fitting} of {} events fit", facts.len());
    }
    Ok(())
}
