//! A hub in hostile hands: the county takes it for its parent and the province for its child.

use relay::envelope::{EnvelopeBytes, VerifiedEnvelope};

use crate::{
    cluster::{Cluster, Network},
    peer::{Keys, Line},
};

/// A network in which the city's node is stopped and its keys are ours.
pub struct City {
    /// The network.
    pub cluster: Cluster,
    /// The city's keys.
    pub keys: Keys,
}

impl City {
    /// Province, the city and a county.
    pub async fn take_over(program: &str) -> Self {
        let cluster = Cluster::start(program, Network::three()).await;
        let city = cluster.room("411300");
        city.stop().await;
        let keys = Keys::of(city.dir());
        Self { cluster, keys }
    }

    /// Waits for the county to dial.
    pub async fn county(&self) -> (quinn::Endpoint, Line) {
        let endpoint = self.keys.listen();
        let line = self.county_again(&endpoint).await;
        (endpoint, line)
    }

    /// Waits for the county to dial once more. Of the tries that a dialler begins beside each other it gives up all but one.
    ///
    /// # Panics
    /// When the county does not take it for its parent.
    pub async fn county_again(&self, endpoint: &quinn::Endpoint) -> Line {
        const TRIES: usize = 12;
        for _ in 0..TRIES {
            if let Ok(line) = self.keys.accept(endpoint).await {
                return line;
            }
        }
        panic!("the county does not take it for its parent");
    }

    /// A link to the province.
    ///
    /// # Panics
    /// When the province does not take it for its child.
    pub async fn province(&self) -> Line {
        self.keys.dial(self.keys.room_of("410000")).await.expect("the province takes it for its child")
    }

    /// What it holds in its hands, verified.
    ///
    /// # Panics
    /// When it does not verify.
    pub fn verified(&self, bytes: &EnvelopeBytes) -> VerifiedEnvelope {
        VerifiedEnvelope::verify(bytes.clone(), "henan", &*self.keys.trust.keys)
            .expect("the county's own bytes verify")
    }
}
