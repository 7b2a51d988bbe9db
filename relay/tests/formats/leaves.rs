//! Leaves of a log that are not signed by themselves.

use relay::{
    duty::{
        event::RuleKind,
        step::{DutyStep, ObligationName},
        timer::Stage,
    },
    envelope_id::EnvelopeKey,
    timestamp::Timestamp,
};

use super::examples::{CITY, NOW_MS, PROVINCE, route};

/// Half of the fifteen minutes that the city has for its answer by telephone is over.
pub(crate) fn duty_step() -> Vec<u8> {
    let request = EnvelopeKey { origin: PROVINCE, id: route().id };
    let obligation = ObligationName {
        case: None,
        kind: RuleKind::VerifyReply,
        pack: "local-2026".to_owned(),
        rule: "local.verify.phone".to_owned(),
        obliged: CITY,
        subject: Some(request),
        towards: PROVINCE,
    };
    let step = DutyStep::new(obligation, request, Stage::Half, Timestamp::from_ms(NOW_MS + 960_000));
    let passed_at = Timestamp::from_ms(NOW_MS + 510_000);
    DutyStep { at: Timestamp::from_ms(NOW_MS + 510_200), passed_at, ..step }.encode()
}
