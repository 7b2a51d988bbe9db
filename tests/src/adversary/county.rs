//! A county in hostile hands: it is a good child of its city by every certificate, and says what it likes.

use std::sync::Arc;

use node::clock::Clock;
use relay::{envelope::VerifiedEnvelope, frame::Frame, receipt::Event};
use topology::Precedence;

use super::Watch;
use crate::{
    cluster::{Cluster, Network, Room},
    peer::{Ended, Heard, Keys, Line},
};

/// A network in which the county's node is stopped and its keys are ours.
pub struct County {
    /// The network.
    pub cluster: Arc<Cluster>,
    /// The county's keys.
    pub keys: Keys,
}

impl County {
    /// Province, city and the county.
    pub async fn take_over(program: &str) -> Self {
        Self::of(program, Network::three()).await
    }

    /// The same with a sibling of the county under the same city, whose node runs.
    pub async fn with_sibling(program: &str) -> Self {
        let mut network = Network::three();
        network.add("411323", "西峡县政府总值班室", "county", Some("411300"));
        Self::of(program, network).await
    }

    /// In any network that has the county.
    pub async fn of(program: &str, network: Network) -> Self {
        let cluster = Arc::new(Cluster::start(program, network).await);
        cluster.room("411322").stop().await;
        let keys = Keys::of(cluster.room("411322").dir());
        Self { cluster, keys }
    }

    /// The city, whose node runs.
    pub fn city(&self) -> &Room {
        self.cluster.room("411300")
    }

    /// The city's log from now on.
    pub fn watch(&self) -> Watch<'_> {
        Watch::new(self.city())
    }

    /// A link to the city.
    ///
    /// # Panics
    /// When the city does not let the county in.
    pub async fn line(&self) -> Line {
        self.keys.dial(self.keys.room_of("411300")).await.expect("the county is let in")
    }

    /// A connection to the city that has said nothing yet.
    ///
    /// # Panics
    /// When the city does not let the county in.
    pub async fn connect(&self) -> (quinn::Endpoint, quinn::Connection) {
        let (city, credentials) = (self.keys.room_of("411300"), self.keys.credentials());
        let connecting = self.keys.connect(city, Some(&credentials), certs::tls::ALPN_LINK);
        connecting.await.expect("the county is let in")
    }

    /// A genuine report for the city.
    pub fn report(&self) -> VerifiedEnvelope {
        self.keys.seal(&self.keys.draft(self.keys.room_of("411300"), "完好的报告"))
    }

    /// Hands over a good report and sees it delivered: the node is alive and well.
    ///
    /// # Panics
    /// When it is not.
    pub async fn good_report_arrives(&self) {
        let envelope = self.report();
        let mut line = self.line().await;
        line.hand_over(Precedence::Routine, envelope.bytes()).await.expect("the link is up");
        let delivered = line.hear_receipt(&self.keys, envelope.key().id, Event::Delivered).await;
        delivered.expect("a good report is delivered");
    }
}

/// A question whose answer proves that everything written before it on the control stream was taken.
///
/// # Errors
/// How the node ended the connection instead.
pub async fn is_alive(line: &mut Line) -> Result<(), Ended> {
    let asked = Clock::wall();
    line.say(&Frame::Clock { asked }).await?;
    line.hear_until(|heard| match heard {
        Heard::Control(Frame::ClockAnswer { asked: repeated, .. }) if repeated == asked => Some(()),
        Heard::Control(_) | Heard::Lane(..) => None,
    })
    .await
}
