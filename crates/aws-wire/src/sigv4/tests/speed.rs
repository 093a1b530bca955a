//! How long a verification takes: run with `cargo test --release -p opentrail-aws-wire -- --ignored --nocapture speed`.

use std::hint::black_box;
use std::time::Instant;

use super::*;

const ROUNDS: u32 = 20_000;

fn report<T>(name: &str, mut step: impl FnMut() -> T) {
    let start = Instant::now();
    for _ in 0..ROUNDS {
        black_box(step());
    }
    let nanos = start.elapsed().as_nanos() / u128::from(ROUNDS);
    #[expect(clippy::print_stdout, reason = "the figure is what this test is for")]
    {
        println!("{name}: {nanos} ns");
    }
}

#[test]
#[ignore = "a measurement, not a check"]
fn speed_of_a_verification() {
    let request = suite::signed_json_request();
    let (secret, now) = (secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), at("20150830T123600Z"));
    let hash = sha256(b"{}");
    let head = request.head();
    let mut cache = SigningKeyCache::default();
    report("parse", || parse(&head));
    let presented = parse(&head).expect("a signature");
    let authorization = presented.authorization().expect("a signature");
    report("derive a key", || SigningKey::derive(&secret, &authorization.scope));
    report("find a key in the cache", || cache.signing_key(&secret, &authorization.scope));
    report("parse and verify, key from the cache", || {
        let presented = parse(&head).expect("a signature");
        let authorization = presented.authorization().expect("a signature");
        let key = cache.signing_key(&secret, &authorization.scope);
        verify_with_key(&head, authorization, &key, Some(hash), now, CLOCK_SKEW_MAX).expect("true")
    });
    report("parse and verify, key derived", || {
        let presented = parse(&head).expect("a signature");
        let authorization = presented.authorization().expect("a signature");
        verify(&head, authorization, &secret, Some(hash), now, CLOCK_SKEW_MAX).expect("true")
    });
}
