//! The variables in force at one point, shared with the points before it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Binding;

/// A map from names to bindings that is cheap to copy and to add to, so that every instruction can keep its own: layers
/// of doubling size, the newest last. A file with n variables costs n log n altogether.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Variables {
    layers: Vec<Arc<BTreeMap<String, Binding>>>,
}

impl Variables {
    /// The binding of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Binding> {
        self.layers.iter().rev().find_map(|layer| layer.get(name))
    }

    /// Every name with its binding, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Binding)> {
        let mut merged = BTreeMap::new();
        for layer in &self.layers {
            merged.extend(layer.iter().map(|(name, binding)| (name.as_str(), binding)));
        }
        merged.into_iter()
    }

    /// Binds a name anew, hiding its older binding.
    pub fn insert(&mut self, name: String, binding: Binding) {
        self.layers.push(Arc::new(BTreeMap::from([(name, binding)])));
        while let [.., below, top] = &self.layers[..]
            && below.len() <= top.len()
        {
            let mut merged = BTreeMap::clone(below);
            merged.extend(top.iter().map(|(name, binding)| (name.clone(), binding.clone())));
            self.layers.truncate(self.layers.len() - 2);
            self.layers.push(Arc::new(merged));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BindingKind, Origin};

    #[test]
    fn newer_bindings_hide_older_ones_and_copies_stay_apart() {
        let binding = |kind| Binding { kind, value: None, origin: Origin::Predefined };
        let mut variables = Variables::default();
        for number in 0..100 {
            variables.insert(format!("V{number}"), binding(BindingKind::Arg));
        }
        let before = variables.clone();
        variables.insert("V7".to_owned(), binding(BindingKind::Env));
        assert_eq!(before.get("V7").map(|binding| binding.kind), Some(BindingKind::Arg));
        assert_eq!(variables.get("V7").map(|binding| binding.kind), Some(BindingKind::Env));
        assert_eq!(variables.iter().count(), 100);
        assert!(variables.layers.len() <= 8);
    }
}
