//! What a broker does that is right has nothing wrong in it.

use ottla_checker::model::{Plan, history};
use ottla_checker::{Severity, check, story};
use proptest::prelude::*;

fn plan() -> impl Strategy<Value = Plan> {
    let many = prop_oneof![Just(0), 3u64..40];
    let restart = prop_oneof![Just(0), 20u64..200];
    (20usize..600, 1u32..20, 1u32..4, 1u64..6, many, restart, any::<bool>()).prop_map(
        |(operations, clients, partitions, batch, unknown, restart, forgives)| Plan {
            operations,
            clients,
            partitions,
            batch,
            unknown,
            restart,
            forgives,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn histories_of_a_broker_that_is_right_are_clean(plan in plan(), seed in any::<u64>()) {
        let history = history(plan, seed).unwrap();
        let verdict = check(&history);
        let wrong = verdict.anomalies().find(|anomaly| anomaly.kind().severity() == Severity::Violation);
        prop_assert!(wrong.is_none(), "{}", story::tell(&history, wrong.unwrap()));
    }
}
