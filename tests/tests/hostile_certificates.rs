//! Certificates made with openssl and the city's own issuing key, each wrong in one way, for the county at its city: what the
//! path validation of the library refuses and what the comparison with the plan refuses. The control is made by the same tool.

use node::link::registry::close;
use tests::{
    adversary::{
        Table,
        openssl::{self, Wish},
    },
    cluster::{Cluster, Network},
    peer::{Credentials, Ended, Keys},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tests");
const ED25519: &[&str] = &["-algorithm", "ED25519"];
const GOOD: (&str, &str) = ("20250101000000Z", "20550101000000Z");

fn extensions(name: &str, usage: &str, extended: &str, other: &str) -> String {
    let lines = [("subjectAltName", name), ("keyUsage", usage), ("extendedKeyUsage", extended)];
    let lines: Vec<String> = lines
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    format!("basicConstraints=critical,CA:false\n{}\n{other}\n", lines.join("\n"))
}

/// How a certificate that must not be taken is sent away.
fn manner(ended: &Ended) -> String {
    match ended {
        Ended::Tls(_) => "refused by TLS".to_owned(),
        Ended::Refused(code, _) => close::word(u64::from(*code)).to_owned(),
        Ended::Lost(_) => "lost".to_owned(),
    }
}

/// What is wrong, the wish, and how it is sent away.
fn wrong<'a>(dns: &str, sibling: &str, wide: &str) -> Vec<(&'static str, Wish<'a>, &'static str)> {
    const BOTH: &str = "serverAuth,clientAuth";
    const SIGNS: &str = "critical,digitalSignature";
    const TLS: &str = "refused by TLS";
    const AWAY: &str = "link_not_a_neighbour";
    let name = format!("DNS:{dns}");
    let wish = |extensions: String| Wish {
        key: ED25519,
        subject: "/CN=county",
        extensions,
        validity: GOOD,
        depth: 0,
    };
    let named = |name: &str| wish(extensions(name, SIGNS, BOTH, ""));
    let used = |extended: &str| wish(extensions(&name, SIGNS, extended, ""));
    let keyed = |usage: &str| wish(extensions(&name, usage, BOTH, ""));
    let good = || named(&name);
    let day = |from, to| Wish { validity: (from, to), ..good() };
    vec![
        ("it ended in 2021", day("20200101000000Z", "20210101000000Z"), TLS),
        ("it begins in 2054", day("20540101000000Z", "20550101000000Z"), TLS),
        ("for servers only", used("serverAuth"), TLS),
        ("for signing code only", used("codeSigning"), TLS),
        ("for signing documents only, as sheets are", used("1.3.6.1.5.5.7.3.36"), TLS),
        ("for anything (anyExtendedKeyUsage)", used("anyExtendedKeyUsage"), TLS),
        ("its key is for agreeing on keys only", keyed("critical,keyAgreement"), AWAY),
        ("its key is for signing certificates too", keyed("critical,digitalSignature,keyCertSign"), AWAY),
        ("its key has no usage", keyed(""), AWAY),
        ("its name in the subject alone", wish(extensions("", SIGNS, BOTH, "")), AWAY),
        ("its name as a URI", named(&format!("URI:spiffe://{dns}")), AWAY),
        ("two names, its own first", named(&format!("{name},DNS:{sibling}")), AWAY),
        ("two names, its own twice", named(&format!("{name},{name}")), AWAY),
        ("a wildcard for all under the city", named(&format!("DNS:{wide}")), AWAY),
        ("its name in capitals", named(&format!("DNS:{}", dns.to_ascii_uppercase())), AWAY),
        ("its name with a dot at the end", named(&format!("DNS:{dns}.")), TLS),
        ("an address beside its name", named(&format!("{name},IP:127.0.0.1")), AWAY),
        (
            "a critical extension that nobody knows",
            wish(extensions(&name, SIGNS, BOTH, "1.2.3.4=critical,DER:0500")),
            TLS,
        ),
        (
            "it may issue certificates itself",
            wish(extensions(&name, SIGNS, BOTH, "").replace("CA:false", "CA:true")),
            TLS,
        ),
        ("one issuing certificate between the city's and its own", Wish { depth: 1, ..good() }, AWAY),
        ("twelve issuing certificates between", Wish { depth: 12, ..good() }, TLS),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_certificate_of_another_making_is_taken_unless_it_is_the_rooms_own() {
    if !openssl::is_here() {
        eprintln!("SKIPPED: there is no openssl on this machine");
        return;
    }
    let mut network = Network::three();
    network.add("411323", "西峡县政府总值班室", "county", Some("411300")).joins = false;
    let cluster = Cluster::start(PROGRAM, network).await;
    cluster.room("411322").stop().await;
    let keys = Keys::of(cluster.room("411322").dir());
    let city = Keys::of(cluster.room("411300").dir());
    let dns = keys.map().dns_name(keys.room).unwrap();
    let sibling = keys.map().dns_name(keys.room_of("411323")).unwrap();
    let wide = format!("*.{}", city.map().dns_name(city.room).unwrap());
    let mut table = Table::new("made by openssl");
    for (what, wish, expected) in wrong(&dns, &sibling, &wide) {
        let credentials = openssl::issue(cluster.place(), &city, &wish);
        let ended = keys.dial_with(city.room, Some(&credentials)).await.err();
        let happened = ended.as_ref().map_or("let in".to_owned(), manner);
        table.row("T9", what, expected, happened, format!("the peer: {ended:?}"));
    }
    let good = |key| Wish {
        key,
        subject: "/CN=county",
        extensions: extensions(
            &format!("DNS:{dns}"),
            "critical,digitalSignature",
            "serverAuth,clientAuth",
            "",
        ),
        validity: GOOD,
        depth: 0,
    };
    let made = openssl::issue(cluster.place(), &city, &good(ED25519));
    keys.dial_with(city.room, Some(&made)).await.expect("the control: made by the same tool, as it must be");
    let mut other = keys.credentials();
    other.chain.clone_from(&made.chain);
    let stolen = Credentials::of_pkcs8(other.chain, made_for_another().as_slice());
    let ended = keys.dial_with(city.room, Some(&stolen)).await.err();
    table.row(
        "T2",
        "its certificate with another key",
        "refused by TLS",
        ended.as_ref().map_or("let in".to_owned(), manner),
        format!("the peer: {ended:?}"),
    );
    keys.dial(city.room).await.expect("its own certificate is good");
    table.control("a certificate by the same tool and hand, for the county's own name");
    table.finish(22);
}

fn made_for_another() -> Vec<u8> {
    rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key can be drawn").serialize_der()
}
