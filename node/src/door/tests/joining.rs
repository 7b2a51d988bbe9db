//! Joining: the ways in, and everything that does not lead in.

use std::{path::Path, process::Command, time::Duration};

use certs::{
    certificate::{CertificateFacts, certificates_to_pem},
    enrolment::{Invitation, JoinAnswer},
    identity::RoomKeys,
    peer::Publisher,
};
use quinn::VarInt;

use super::network::{Asking, DAY, Hub, Network, Node, after, refused, request, welcomed};
use crate::{
    clock::Clock,
    config::Config,
    door::message::{Knock, Reply},
    enrolment::join,
    link::registry::close,
    problem::{EXIT_POLICY, EXIT_UNREACHABLE},
};

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_room_comes_in_once_its_six_words_are_confirmed_and_not_before() {
    let network = Network::new();
    let hub = network.province();
    let dir = network.path("city");
    let mut asking = Asking::start(&hub.invite("411300", false), dir.clone());
    let words = asking.words.recv().await.unwrap();
    let pending = hub.node.door.pending();
    assert_eq!(pending.len(), 1);
    assert_eq!(pending[0].words.map(str::to_owned), words);
    let wrong = hub.node.door.confirm("abandon abandon abandon abandon abandon abandon").unwrap_err();
    assert_eq!(wrong.code, "words_unknown");
    assert!(hub.node.door.certificates(&[]).unwrap().iter().all(|known| known.room != pending[0].room));
    assert!(!dir.join("config.toml").exists() && !asking.joined.is_finished());
    assert_eq!(hub.node.door.confirm(&words.join(" ").to_uppercase()).unwrap().room, pending[0].room);
    let joined = tokio::time::timeout(PATIENCE, asking.joined).await.unwrap().unwrap().unwrap();
    assert_eq!((joined.room, joined.code.to_string().as_str()), (pending[0].room, "411300"));
    assert_eq!(hub.node.door.pending(), []);
    assert_is_a_node(&dir, &hub.node);
}

fn assert_is_a_node(dir: &Path, parent: &Node) {
    let node = Node::open(dir);
    let (own, above) = (node.trust.current(), parent.trust.current());
    assert_eq!(own.map.version(), above.map.version());
    assert_eq!(own.sheet_versions(), above.sheet_versions());
    let published = above.keys.signing_keys(node.identity.room);
    assert_eq!(published, [&node.identity.signing.public()]);
    let config = Config::load(&dir.join("config.toml")).unwrap();
    let address = own.map.room(node.identity.room).unwrap().address.clone().unwrap();
    assert_eq!((config.room, config.listen), (node.identity.room, address.parse().ok()));
    let is_hub = !own.map.children(node.identity.room).is_empty();
    assert_eq!(node.identity.issuer().is_some(), is_hub);
}

#[tokio::test]
async fn a_city_that_has_joined_enrols_its_county_and_openssl_accepts_the_chain() {
    let network = Network::new();
    let province = network.province();
    network.joined(&province, "411300").await;
    let city = Hub::start(&network.path("411300"));
    let county = network.joined(&city, "411322").await;
    assert_is_a_node(&network.path("411322"), &city.node);
    assert_eq!(county.identity.tls_chain.len(), 3);
    openssl_accepts(&network, &county);
}

fn openssl_accepts(network: &Network, node: &Node) {
    let (own, above) = node.identity.tls_chain.split_first().unwrap();
    let (leaf, chain) = (network.path("leaf.pem"), network.path("chain.pem"));
    std::fs::write(&leaf, certificates_to_pem([own])).unwrap();
    std::fs::write(&chain, certificates_to_pem(above)).unwrap();
    let anchor = network.path("anchor");
    let verify = |untrusted: &Path| {
        let mut openssl = Command::new("openssl");
        openssl.args(["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile"]);
        openssl.arg(&anchor).arg("-untrusted").arg(untrusted).arg(&leaf).output()
    };
    let Ok(good) = verify(&chain) else {
        eprintln!("skipped: there is no openssl on this machine");
        return;
    };
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
    assert!(!verify(&anchor).unwrap().status.success(), "openssl accepted a chain with a gap");
}

#[tokio::test]
async fn a_room_that_waits_outlives_a_restart_of_the_hub_and_so_does_the_confirmation() {
    let network = Network::new();
    let hub = network.province();
    let mut asking = Asking::start(&hub.invite("411300", false), network.path("city"));
    let words = asking.words.recv().await.unwrap();
    hub.stop().await;
    let away = Node::open(&network.path("root"));
    assert_eq!(away.door.pending()[0].words.map(str::to_owned), words);
    away.door.confirm(&words.join("-")).unwrap();
    let hub = network.province();
    tokio::time::timeout(PATIENCE, asking.joined).await.unwrap().unwrap().unwrap();
    assert_is_a_node(&network.path("city"), &hub.node);
    let text = std::fs::read_to_string(network.path("root/door.json")).unwrap();
    assert!(text.contains("used_by") && !text.contains("secret"));
}

#[tokio::test]
async fn a_token_is_used_once_and_a_refused_room_leaves_nothing_behind() {
    let network = Network::new();
    let hub = network.province();
    let token = hub.invite("411300", true);
    join(&token, &network.path("city"), None, &mut |_| {}).await.unwrap();
    let again = join(&token, &network.path("again"), None, &mut |_| {}).await.unwrap_err();
    assert_eq!(again.code, "invite_used");
    assert!(!network.path("again").exists());
    let taken = join(&token, &network.path("city"), None, &mut |_| {}).await.unwrap_err();
    assert_eq!(taken.code, "directory_taken");
}

#[tokio::test]
async fn an_answer_that_was_lost_is_given_again_to_the_same_keys_only() {
    let network = Network::new();
    let hub = network.province();
    let token = hub.invite("411300", true);
    let keys = RoomKeys::generate();
    let knock = request(&token, &keys);
    let first = welcomed(hub.node.door.hear(&knock, Clock::wall()));
    let second = welcomed(hub.node.door.hear(&knock, Clock::wall()));
    let room = hub.node.room("411300");
    let trust = hub.node.trust.current();
    let issuing = [first, second].map(|bytes| {
        let answer = JoinAnswer::decode(&bytes).unwrap();
        answer.verify(&trust.root, room, &keys, Clock::wall().as_ms()).unwrap().issuing_chain
    });
    assert_eq!(issuing[0], issuing[1]);
    assert_eq!(trust.keys.signing_keys(room).len(), 1);
    let stranger = request(&token, &RoomKeys::generate());
    assert_eq!(refused(hub.node.door.hear(&stranger, Clock::wall())), "invite_used");
}

#[tokio::test]
async fn expired_and_mistyped_tokens_say_so() {
    let network = Network::new();
    let hub = network.province();
    let room = hub.node.room("411300");
    let yesterday = relay::timestamp::Timestamp::from_ms(Clock::wall().as_ms() - 2 * DAY.as_millis() as i64);
    let old = hub.node.door.invite(room, DAY, true, yesterday).unwrap().token;
    let expired = join(&old, &network.path("city"), None, &mut |_| {}).await.unwrap_err();
    assert_eq!((expired.code.as_str(), expired.details["minutes"].as_str()), ("invite_expired", "1440"));
    let late = hub.invite("411300", true);
    let keys = RoomKeys::generate();
    assert_eq!(refused(hub.node.door.hear(&request(&late, &keys), after(DAY))), "invite_expired");
    welcomed(hub.node.door.hear(&request(&late, &keys), after(Duration::ZERO)));
    let mistyped = late.replacen(late.get(20..21).unwrap(), "_", 1) + "A";
    let problem = join(&mistyped, &network.path("city"), None, &mut |_| {}).await.unwrap_err();
    assert_eq!(problem.code, "invite_mistyped");
    assert!(!network.path("city").exists());
}

#[tokio::test]
async fn a_token_of_another_network_opens_no_door_here() {
    let network = Network::new();
    let hub = network.province();
    let other = Network::with_map(network.map.clone());
    let foreign = Node::open(&other.path("root"));
    let invited = foreign.door.invite(foreign.room("411300"), DAY, true, Clock::wall()).unwrap();
    let problem = join(&invited.token, &network.path("city"), None, &mut |_| {}).await.unwrap_err();
    assert_eq!(problem.code, "invite_foreign", "{problem}");
    let knock = request(&invited.token, &RoomKeys::generate());
    assert_eq!(refused(hub.node.door.hear(&knock, Clock::wall())), "invite_foreign");
}

#[tokio::test]
async fn guessed_secrets_lock_the_invitation_even_over_a_restart() {
    let network = Network::new();
    let hub = network.province();
    let token = hub.invite("411300", true);
    let good = Invitation::parse(&token).unwrap();
    let guess = || {
        let (dns, address) = (&good.parent_dns, &good.parent_address);
        let guessed = Invitation::new("henan", good.room, dns, address, &good.root, good.expires_at_ms);
        refused(hub.node.door.hear(&request(&guessed.to_text(), &RoomKeys::generate()), Clock::wall()))
    };
    let codes = [(); 5].map(|()| guess());
    assert_eq!(codes[0], "invite_unknown");
    assert_eq!(codes[4], "invite_locked");
    let reopened = Node::open(&network.path("root"));
    let knock = request(&token, &RoomKeys::generate());
    assert_eq!(refused(reopened.door.hear(&knock, Clock::wall())), "invite_locked");
}

#[tokio::test]
async fn only_a_hub_invites_and_only_its_own_children() {
    let network = Network::new();
    let hub = network.province();
    let invite = |code: &str, span| hub.node.door.invite(hub.node.room(code), span, false, Clock::wall());
    let grandchild = invite("411322", DAY).unwrap_err();
    assert_eq!((grandchild.code.as_str(), grandchild.exit), ("room_not_a_child", EXIT_POLICY));
    assert_eq!(invite("410000", DAY).unwrap_err().code, "room_not_a_child");
    assert_eq!(invite("411300", DAY * 31).unwrap_err().code, "invite_span");
    network.joined(&hub, "411300").await;
    let city = Hub::start(&network.path("411300"));
    let county = network.joined(&city, "411322").await;
    let leaf = county.door.invite(county.room("411322"), DAY, false, Clock::wall()).unwrap_err();
    assert_eq!(leaf.code, "not_a_hub");
}

#[tokio::test]
async fn a_parent_that_is_away_is_told_as_not_reachable() {
    let network = Network::new();
    let hub = network.province();
    let token = hub.invite("411300", true);
    hub.stop().await;
    let problem = join(&token, &network.path("city"), None, &mut |_| {}).await.unwrap_err();
    assert_eq!((problem.code.as_str(), problem.exit), ("parent_unreachable", EXIT_UNREACHABLE));
    assert!(!network.path("city").exists());
    let listen = Some("nonsense".to_owned());
    let problem = join(&token, &network.path("city"), listen, &mut |_| {}).await.unwrap_err();
    assert_eq!(problem.code, "listen_invalid");
}

#[tokio::test]
async fn nonsense_at_the_door_ends_its_own_connection_and_nothing_else() {
    let network = Network::new();
    let hub = network.province();
    let token = hub.invite("411300", true);
    let invitation = Invitation::parse(&token).unwrap();
    let nonsense: [&[u8]; 3] = [&[0xff; 8], &[0, 0, 0, 3, 9, 9, 9], &[0, 0, 0, 0]];
    for bytes in nonsense {
        let tls = certs::tls::join_client_config(&invitation.root, &[]).unwrap();
        let tls = quinn::crypto::rustls::QuicClientConfig::try_from(tls).unwrap();
        let mut endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
        endpoint.set_default_client_config(quinn::ClientConfig::new(std::sync::Arc::new(tls)));
        let address = invitation.parent_address.parse().unwrap();
        let connection = endpoint.connect(address, &invitation.parent_dns).unwrap().await.unwrap();
        let (mut send, _receive) = connection.open_bi().await.unwrap();
        send.write_all(bytes).await.unwrap();
        send.finish().unwrap();
        let ended = tokio::time::timeout(PATIENCE, connection.closed()).await.unwrap();
        let quinn::ConnectionError::ApplicationClosed(closed) = ended else { panic!("{ended}") };
        assert_eq!(closed.error_code, VarInt::from_u32(close::VIOLATION));
    }
    let malformed = Knock::Join(serde_bytes::ByteBuf::from([1, 2, 3]));
    assert_eq!(refused(hub.node.door.hear(&malformed, Clock::wall())), "join_malformed");
    join(&token, &network.path("city"), None, &mut |_| {}).await.unwrap();
}

#[tokio::test]
async fn a_key_of_another_room_is_not_enrolled_again() {
    let network = Network::new();
    let hub = network.province();
    let city = network.joined(&hub, "411300").await;
    hub.node.door.revoke(hub.node.room("411300"), "失密", Clock::wall()).unwrap();
    let keys = city.identity.keys_with(certs::identity::TlsKey::generate());
    let knock = request(&hub.invite("411300", true), &keys);
    assert_eq!(refused(hub.node.door.hear(&knock, Clock::wall())), "join_key_known");
    let serial = CertificateFacts::read(&city.identity.tls_chain[0]).unwrap().serial;
    let trust = hub.node.trust.current();
    assert!(trust.keys.is_revoked(&(Publisher::Hub(hub.node.identity.room), serial)));
    let waiting =
        hub.node.door.hear(&request(&hub.invite("411300", false), &RoomKeys::generate()), Clock::wall());
    assert_eq!(waiting, Reply::Wait);
}
