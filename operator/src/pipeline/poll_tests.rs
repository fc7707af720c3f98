#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;

fn pod(status: &str) -> Pod {
    serde_saphyr::from_str(&format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nstatus:\n{status}"
    ))
    .unwrap()
}

#[test]
fn a_pod_says_why_it_does_not_run() {
    for (status, said) in [
        (
            "  containerStatuses: [{name: w, image: i, imageID: i, ready: false, restartCount: 0, state: {waiting: {reason: ImagePullBackOff, message: no such image}}}]",
            Some("ImagePullBackOff: no such image"),
        ),
        (
            "  containerStatuses: [{name: w, image: i, imageID: i, ready: false, restartCount: 3, state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {exitCode: 3}}}]",
            Some("CrashLoopBackOff (it ended with 3)"),
        ),
        (
            "  conditions: [{type: PodScheduled, status: 'False', message: 0/1 nodes are available}]",
            Some("no node takes it: 0/1 nodes are available"),
        ),
        (
            "  containerStatuses: [{name: w, image: i, imageID: i, ready: false, restartCount: 0, state: {waiting: {reason: ContainerCreating}}}]",
            None,
        ),
        ("  conditions: [{type: Ready, status: 'True'}]", None),
    ] {
        assert_eq!(seen(&pod(status)).trouble.as_deref(), said, "{status}");
    }
    let running = seen(&pod(
        "  podIP: 10.0.0.7\n  conditions: [{type: Ready, status: 'True'}]",
    ));
    assert!(running.ready && running.ip.as_deref() == Some("10.0.0.7"));
}

#[test]
fn what_moves_all_the_time_is_no_reason_to_look_again() {
    let figures = |rate, lag, stalled| {
        Coarse::of(&Figures {
            rate: Some(rate),
            lag: Some(lag),
            stalled,
            capacity: Some(rate),
            ..Figures::default()
        })
    };
    let secs = |s| Some(Duration::from_secs(s));
    assert_eq!(
        figures(10_012.3, 12_345, secs(5)),
        figures(10_098.7, 12_399, secs(29))
    );
    assert_ne!(figures(10_012.3, 0, None), figures(12_345.6, 0, None));
    assert_ne!(figures(0.0, 7, secs(29)), figures(0.0, 7, secs(30)));
}
