//! Faults as they are written, and what is out of range.

use super::*;

#[test]
fn a_fault_is_mended_by_what_leaves_a_site_whole() {
    let end = |node: &str| End { node: node.parse().unwrap(), link: "eth0".parse().unwrap() };
    let reload = |gap| Fault::<End>::Reload { node: "rtr".parse().unwrap(), gap };
    let gap = |millis| reload(Some(Duration::from_millis(millis)));
    assert_eq!((gap(20).to_string().as_str(), gap(20).out_of_range()), ("reload rtr --gap 20ms", None));
    assert!(gap(10_001).out_of_range().is_some() && reload(None).out_of_range().is_none());
    let victim = |part: Part| Victim { node: "app".parse().unwrap(), part };
    let lease = || victim(Part::Services(vec![ServiceWord::Lease]));
    let cut: Fault = Fault::Cut { links: vec![end("app")] };
    let both: Fault = Fault::Cut { links: vec![end("app"), end("cam")] };
    let heal = |nodes: &[&str]| Fault::Heal { links: nodes.iter().map(|node| end(node)).collect() };
    assert!(both.is_mended_by(&heal(&["cam", "app"])) && !both.is_mended_by(&heal(&["app"])));
    assert_eq!(both.mended_by().to_string(), "heal app.eth0 cam.eth0");
    let flap = Fault::Flap { link: end("app"), times: 3, every: Duration::from_secs(1) };
    let clear = Fault::ClearState { node: "app".parse().unwrap() };
    let swap = Fault::Swap { links: [end("app"), end("cam")] };
    assert!(cut.is_mended_by(&heal(&["app"])) && cut.is_mended_by(&Fault::HealAll));
    assert!(!cut.is_mended_by(&heal(&["cam"])) && !cut.is_mended_by(&clear));
    assert!(flap.is_mended_by(&clear) && !flap.is_mended_by(&cut) && !clear.is_mended_by(&cut));
    assert!(swap.is_mended_by(&swap) && !swap.is_mended_by(&heal(&["app"])));
    let killed = Fault::Kill { of: lease() };
    let again = |part| Fault::Restart { of: victim(part), gap: None };
    assert!(killed.is_mended_by(&again(Part::AllServices)));
    assert!(
        !Fault::Kill { of: victim(Part::Whole) }.is_mended_by(&Fault::Restart { of: lease(), gap: None })
    );
    for fault in [cut, both, flap, clear, swap, killed] {
        assert!(fault.is_mended_by(&fault.mended_by()), "{fault}");
    }
}

#[test]
fn what_no_scenario_could_say_is_told() {
    let link = || End { node: "app".parse().unwrap(), link: "eth0".parse().unwrap() };
    let flap = |times, every| Fault::Flap { link: link(), times, every: Duration::from_millis(every) };
    let load = |path: &str| Fault::Load {
        node: "rtr".parse().unwrap(),
        ruleset: RuleFile { path: path.to_owned() },
        refused: false,
    };
    let name = || "a.example.org".parse().unwrap();
    let moved = |ttl| Fault::MoveName { name: name(), to: None, ttl, asked_by: None, asked_as: None };
    let spelled = |by: Option<&str>, text: &str| Fault::MoveName {
        name: name(),
        to: Some([192, 0, 2, 1].into()),
        ttl: Duration::from_secs(1),
        asked_by: by.map(|node| node.parse().unwrap()),
        asked_as: Some(text.parse().unwrap()),
    };
    let impaired = |delay, loss| Fault::Impair {
        link: link(),
        how: Impairment { delay: Duration::from_secs(delay), loss: Share(loss), ..Impairment::default() },
    };
    let rate = |bits| Fault::Rate { link: link(), at: BitRate(bits) };
    for good in [
        flap(3, 20),
        load("a/b.nft"),
        moved(Duration::from_secs(1)),
        impaired(1, 1),
        rate(8_000),
        spelled(Some("app"), "A.example.ORG"),
    ] {
        assert_eq!(good.out_of_range(), None, "{good}");
    }
    let bad: [Fault; 14] = [
        Fault::Cut { links: Vec::new() },
        flap(0, 20),
        flap(101, 20),
        flap(3, 0),
        load("../b.nft"),
        load("/etc/passwd"),
        load("a\"\nflush ruleset\n#"),
        moved(Duration::from_millis(1)),
        moved(Duration::from_secs(604_801)),
        spelled(Some("app"), "B.example.ORG"),
        spelled(None, "A.example.ORG"),
        impaired(11, 0),
        impaired(0, 0),
        rate(0),
    ];
    for bad in bad {
        assert!(bad.out_of_range().is_some(), "{bad}");
    }
}

#[test]
fn a_fault_reads_as_it_is_written_by_hand() {
    let link = End { node: "app".parse().unwrap(), link: "eth0".parse().unwrap() };
    let every = Duration::from_millis(200);
    assert_eq!(
        Fault::Flap { link: link.clone(), times: 3, every }.to_string(),
        "flap app.eth0 --times 3 --every 200ms"
    );
    let how = Impairment {
        delay: Duration::from_millis(20),
        loss: Share(1_500),
        reorder: Share(25),
        ..Impairment::default()
    };
    let impaired = Fault::Impair { link, how };
    assert_eq!(impaired.to_string(), "impair app.eth0 --delay 20ms --loss 1.5% --reorder 0.025%");
    assert_eq!(impaired.needs(), Some("netem"));
    assert_eq!(
        [8_000, 1_500_000, 2_000_000, 3_000_000_000].map(|bits| BitRate(bits).to_string()),
        ["8kbit", "1500kbit", "2mbit", "3gbit"]
    );
}
