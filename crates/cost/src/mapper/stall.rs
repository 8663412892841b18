use super::flow::Flow;

/// Cycles that the array waits for a port.
///
/// A flow that takes longer than it may stalls by the difference each time but the first. On a shared port all flows
/// together also need as much time as they have: the union of their windows.
pub fn port_stall(flows: &mut [Flow], sorted: &mut [Flow], total: u64) -> u64 {
    let late = |flow: &Flow| flow.real.saturating_sub(flow.allowed) * (flow.count - 1);
    let alone: u64 = flows.iter().map(late).sum();
    if flows.len() < 2 {
        return alone;
    }
    let work: u64 = flows.iter().map(|flow| flow.real * (flow.count - 1)).sum();
    if work <= alone {
        return alone;
    }
    let window = if flows.iter().any(|flow| flow.period == flow.allowed) {
        total
    } else {
        sorted.copy_from_slice(flows);
        sorted.sort_unstable_by_key(|flow| flow.period);
        match sorted.last() {
            Some(longest) => covered(sorted, longest.period) * longest.count,
            None => 0,
        }
    };
    alone.max(work.saturating_sub(window))
}

/// Cycles among the first `cycles` in which at least one flow may move, flows sorted by period.
///
/// Periods of one order divide each other, and each window opens with its period.
fn covered(flows: &[Flow], cycles: u64) -> u64 {
    let Some((longest, shorter)) = flows.split_last() else {
        return 0;
    };
    let within = |part: u64| {
        if part <= longest.allowed {
            part
        } else {
            longest.allowed + covered(shorter, part) - covered(shorter, longest.allowed)
        }
    };
    let period = longest.period.max(1);
    let rest = cycles % period;
    let whole = cycles / period;
    (if whole > 0 { whole * within(period) } else { 0 }) + within(rest)
}
