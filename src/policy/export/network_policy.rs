//! The NetworkPolicy of a Pod: nothing out but what the profile lets out, and in to its ports.

use std::net::IpAddr;

use super::tree::Tree;
use super::{Source, common};
use crate::policy::profile::{Egress, Network, Profile};

/// Name and text of the file; none for a Pod in the host's network, where policies don't hold.
pub(super) fn file(profile: &Profile, source: &Source, notes: &mut Vec<String>) -> Option<(String, String)> {
    let egress = match &profile.network.value {
        Network::Host => {
            notes.push("network policies don't hold in the host's network, so there is none".to_owned());
            return None;
        }
        Network::None => Vec::new(),
        Network::Egress(Egress::All) => vec![Tree::Map(Vec::new())],
        Network::Egress(Egress::Only(places)) => only(places, notes),
    };
    let ports = profile
        .publish
        .iter()
        .map(|publish| port(publish.value.port, &common::protocol(&publish.value).to_ascii_uppercase()));
    let ingress = Tree::map([("ports", Tree::List(ports.collect()).or_none())]).or_none();
    let labels = Tree::map([("app.kubernetes.io/name", Some(source.name.as_str().into()))]);
    let spec = Tree::map([
        ("podSelector", Some(Tree::map([("matchLabels", Some(labels))]))),
        ("policyTypes", Some(Tree::texts(["Ingress", "Egress"]))),
        ("ingress", Tree::List(ingress.into_iter().collect()).or_none()),
        ("egress", Tree::List(egress).or_none()),
    ]);
    let policy = Tree::map([
        ("apiVersion", Some("networking.k8s.io/v1".into())),
        ("kind", Some("NetworkPolicy".into())),
        ("metadata", Some(Tree::map([("name", Some(source.name.as_str().into()))]))),
        ("spec", Some(spec)),
    ]);
    notes.push("a NetworkPolicy holds only where the cluster's network plugin enforces it".to_owned());
    Some((format!("{}.networkpolicy.yaml", source.name), policy.yaml()))
}

fn only(places: &[(String, u16)], notes: &mut Vec<String>) -> Vec<Tree> {
    let mut rules = Vec::new();
    for (host, number) in places {
        let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() else {
            notes
                .push(format!("a NetworkPolicy knows addresses only, so `{host}:{number}` is not let out: add a rule"));
            continue;
        };
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let block = Tree::map([("cidr", Some(format!("{address}/{bits}").into()))]);
        rules.push(Tree::map([
            ("to", Some(Tree::List(vec![Tree::map([("ipBlock", Some(block))])]))),
            ("ports", Some(Tree::List(vec![port(*number, "TCP")]))),
        ]));
    }
    rules
}

fn port(number: u16, protocol: &str) -> Tree {
    Tree::map([("port", Some(u32::from(number).into())), ("protocol", Some(protocol.into()))])
}
