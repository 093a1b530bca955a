use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use super::*;
use crate::series::DAY_MINUTES;

/// Midnight, in minutes since 1970.
const START: i64 = 20_000 * DAY_MINUTES;

/// A life of an analysis, minute by minute.
struct Life {
    analysis: Analysis,
    new_id: IdSource,
    settings: Settings,
    told: Vec<Value>,
}

#[derive(Clone, Copy)]
struct Call<'a> {
    name: &'a str,
    caller: &'a str,
    is_write: bool,
    error: Option<&'a str>,
}

const WRITE: Call<'static> =
    Call { name: "RunInstances", caller: "arn:aws:iam::111122223333:user/ann", is_write: true, error: None };

impl Life {
    fn new() -> Self {
        let next = AtomicU64::new(1);
        Self {
            analysis: Analysis::begin(EventTime::from_seconds(START * 60)),
            new_id: Arc::new(move || format!("id-{}", next.fetch_add(1, Ordering::Relaxed))),
            settings: Settings::default(),
            told: Vec::new(),
        }
    }

    fn calls(&mut self, minute: i64, count: u32, call: Call<'_>) {
        for _ in 0..count {
            self.analysis.observe(&Observation {
                account: AccountId::parse("111122223333").unwrap(),
                region: "eu-west-1",
                event_source: "ec2.amazonaws.com",
                event_name: call.name,
                is_write: call.is_write,
                error_code: call.error,
                minute,
                user_identity_arn: Some(Cow::Borrowed(call.caller)),
                user_agent: Some(Cow::Borrowed("cli")),
            });
        }
    }

    /// The minute is over, and so is the time in which its calls may come late.
    fn close(&mut self, minute: i64) {
        let now = EventTime::from_seconds((minute + 1) * 60 + LATENESS_SECONDS);
        let told = self.analysis.close_minutes(now, self.settings, &self.new_id, &|_, _, _, _| true);
        self.told.extend(told.iter().map(|event| serde_json::from_str::<Value>(&event.record).unwrap()));
    }

    fn quiet(&mut self, minutes: std::ops::Range<i64>) {
        for minute in minutes {
            self.close(minute);
        }
    }

    /// A day of a company: much by day, little by night, and a job that runs at two.
    fn day(&mut self, day: i64, rng: &mut impl rand::Rng) {
        for of_day in 0..DAY_MINUTES {
            let minute = START + day * DAY_MINUTES + of_day;
            let by_day = (f64::from(i32::try_from(of_day).unwrap()) / 1440.0 * std::f64::consts::TAU).cos();
            let rate = 4.0 * (1.0 - by_day);
            // About a Poisson number.
            let calls = (0..40).filter(|_| rng.random_bool(rate / 40.0)).count();
            self.calls(minute, u32::try_from(calls).unwrap(), WRITE);
            let jitter = i64::from(rng.random_range(0..3_u8));
            if (120 + jitter..126).contains(&of_day) {
                self.calls(minute, 80, WRITE);
                self.calls(minute, 5, Call { is_write: false, error: Some("AccessDenied"), ..WRITE });
            }
            self.close(minute);
        }
    }
}

fn rng() -> rand::rngs::StdRng {
    rand::SeedableRng::seed_from_u64(7)
}

#[test]
fn a_steady_daily_pattern_is_no_news_and_a_burst_in_it_is() {
    let (mut life, mut rng) = (Life::new(), rng());
    for day in 0..10 {
        life.day(day, &mut rng);
    }
    assert_eq!(life.told, Vec::<Value>::new());
    let burst = START + 10 * DAY_MINUTES + 8 * 60;
    life.quiet(burst - 60..burst);
    for minute in burst..burst + 7 {
        life.calls(minute, 300, Call { caller: "arn:aws:iam::111122223333:user/eve", ..WRITE });
        life.calls(minute, 4, WRITE);
        life.close(minute);
    }
    assert_eq!(life.told.len(), 1, "told within the minutes of the burst");
    life.quiet(burst + 7..burst + 30);
    let [start, end] = &life.told[..] else { panic!("{:?}", life.told) };
    let keys: Vec<&String> = start.as_object().unwrap().keys().collect();
    let wanted = [
        "eventVersion",
        "eventTime",
        "awsRegion",
        "eventID",
        "eventType",
        "recipientAccountId",
        "sharedEventID",
        "insightDetails",
        "eventCategory",
    ];
    assert_eq!(keys, wanted);
    for (event, state, minute) in [(start, "Start", burst), (end, "End", burst + 7)] {
        assert_eq!(event["eventTime"], json!(EventTime::from_seconds(minute * 60).to_string()));
        assert_eq!(event["insightDetails"]["state"], state);
        assert_eq!(event["insightDetails"]["eventName"], "RunInstances");
        assert_eq!(event["insightDetails"]["insightType"], "ApiCallRateInsight");
        assert_eq!(event["sharedEventID"], start["sharedEventID"]);
    }
    assert_ne!(start["eventID"], end["eventID"]);
    let context = |event: &Value| event["insightDetails"]["insightContext"].clone();
    let (started, ended) = (context(start), context(end));
    assert_eq!(started["statistics"]["insightDuration"], 5);
    assert_eq!(ended["statistics"]["insightDuration"], 7);
    assert_eq!(ended["statistics"]["insight"]["average"], 304);
    assert_eq!(ended["statistics"]["baseline"], started["statistics"]["baseline"]);
    let baseline = started["statistics"]["baseline"]["average"].as_f64().unwrap();
    assert!((4.0..5.0).contains(&baseline), "4 a minute, and the job: {baseline}");
    let duration = started["statistics"]["baselineDuration"].as_i64().unwrap();
    assert!((10_080..10_085).contains(&duration), "{duration}");
    let callers = &ended["attributions"][0];
    assert_eq!(callers["attribute"], "userIdentityArn");
    assert_eq!(callers["insight"][0], json!({"value": "arn:aws:iam::111122223333:user/eve", "average": 300}));
    assert_eq!(callers["insight"][1]["average"], 4);
    assert_eq!(callers["baseline"][0]["value"], "arn:aws:iam::111122223333:user/ann");
    assert_eq!(callers["baseline"].as_array().unwrap().len(), 1, "who comes with the burst was not there before");
    assert_eq!(ended["attributions"][2]["insight"], json!([{"value": "null", "average": 304}]));
    assert_eq!(ended["attributions"][2]["baseline"], json!([{"value": "null", "average": baseline}]));
}

#[test]
fn errors_of_calls_that_change_nothing_are_told_by_their_code() {
    let mut life = Life::new();
    life.calls(START, 1, WRITE);
    let first = START + 8 * DAY_MINUTES;
    life.quiet(START..first);
    life.calls(
        first,
        6,
        Call { name: "DescribeQuery", is_write: false, error: Some("QueryIdNotFoundException"), ..WRITE },
    );
    life.quiet(first..first + 20);
    let [start, end] = &life.told[..] else { panic!("{:?}", life.told) };
    let details = &start["insightDetails"];
    // The documented example has these numbers.
    assert_eq!(details["errorCode"], "QueryIdNotFoundException");
    assert_eq!(details["insightContext"]["statistics"]["baseline"]["average"], 0);
    assert_eq!(details["insightContext"]["statistics"]["insight"]["average"], 1.2);
    assert_eq!(details["insightContext"]["statistics"]["insightDuration"], 5);
    assert_eq!(end["insightDetails"]["insightContext"]["statistics"]["insight"]["average"], 6);
    assert_eq!(end["insightDetails"]["insightContext"]["statistics"]["insightDuration"], 1);
    let attributions = details["insightContext"]["attributions"].as_array().unwrap();
    let names: Vec<_> = attributions.iter().map(|attribution| attribution["attribute"].clone()).collect();
    assert_eq!(names, ["userIdentityArn", "userAgent"]);
    assert_eq!(attributions[0]["baseline"], json!([]));
}

#[test]
fn nothing_is_told_while_it_is_learned_nor_where_nobody_wants_it() {
    let mut life = Life::new();
    for minute in [START, START + DAY_MINUTES - 60] {
        life.calls(minute, 100, WRITE);
        life.quiet(minute..minute + 20);
    }
    assert_eq!(life.told, Vec::<Value>::new());
    let burst = START + DAY_MINUTES + 600;
    life.calls(burst, 1000, Call { name: "Other", ..WRITE });
    let now = EventTime::from_seconds((burst + 20) * 60);
    let asked = std::cell::RefCell::new(Vec::new());
    let told = life.analysis.close_minutes(now, life.settings, &life.new_id, &|_, region, subject, began| {
        asked.borrow_mut().push((region.to_owned(), subject.clone(), began));
        false
    });
    assert_eq!(told, []);
    let (region, subject, began) = asked.borrow()[0].clone();
    assert_eq!((region.as_str(), subject.event_name.as_str()), ("eu-west-1", "Other"));
    assert_eq!(began, EventTime::from_seconds(burst * 60));
}

#[test]
fn what_goes_on_for_days_becomes_usual() {
    let mut life = Life::new();
    life.calls(START, 1, WRITE);
    let first = START + 8 * DAY_MINUTES;
    life.quiet(START..first);
    for minute in first..first + 5 * DAY_MINUTES {
        life.calls(minute, 3, WRITE);
        life.close(minute);
    }
    let states: Vec<_> = life.told.iter().map(|event| event["insightDetails"]["state"].clone()).collect();
    assert_eq!(states, ["Start", "End"]);
}

#[test]
fn late_and_old_calls_are_counted_where_they_belong() {
    let (mut life, mut again) = (Life::new(), Life::new());
    for minute in START..START + 100 {
        life.calls(minute, 2, WRITE);
    }
    life.quiet(START..START + 100);
    again.quiet(START..START + 100);
    for minute in (START..START + 100).rev() {
        again.calls(minute, 2, WRITE);
    }
    let of = |life: &Life| {
        let series = life.analysis.series.values().next().unwrap();
        (series.history.clone(), series.recent.iter().map(|(minute, calls)| (*minute, calls.total)).collect::<Vec<_>>())
    };
    assert_eq!(of(&life), of(&again));
}

#[test]
fn the_quietest_make_room() {
    let mut life = Life::new();
    for number in 0..SERIES_MAX + 10 {
        life.calls(START + i64::try_from(number / 1000).unwrap(), 1, Call { name: &format!("n{number}"), ..WRITE });
    }
    assert!(life.analysis.series_count() <= SERIES_MAX);
    let has = |name: &str| life.analysis.series.keys().any(|key| &*key.event_name == name);
    assert!(has(&format!("n{}", SERIES_MAX + 9)) && !has("n0"));
}
