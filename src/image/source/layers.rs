//! The layers of an opened image: from the cache where it has them, else read, the largest first.

use std::collections::HashMap;
use std::io::Read;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use super::{Descriptor, Opened, Request, Whole};
use crate::image::layer::{self, LayerRequest};
use crate::image::manifest::{mismatch, printable, unread};
use crate::image::{Error, ImageConfig, Irregularity, IrregularityKind, LayerFacts, LayerPart, Limits};

/// A layer's facts, and whether the cache had them.
type Answer = Result<(LayerFacts, bool), Error>;

/// Reads the layers of an image. Equal layers are read once.
pub(super) fn read(request: &Request<'_>, opened: &Opened) -> Result<Whole, Error> {
    let diff_ids = ImageConfig::diff_ids_of(&opened.config);
    // Which diff_id belongs to which layer is known only where there are as many.
    let diff_id = |index: usize| (diff_ids.len() == opened.layers.len()).then(|| diff_ids[index].as_str());
    let mut first: HashMap<(&str, Option<&str>), usize> = HashMap::new();
    let mut jobs = Vec::new();
    for (index, layer) in opened.layers.iter().enumerate() {
        if unread(layer).is_none() && *first.entry((&layer.digest, diff_id(index))).or_insert(index) == index {
            jobs.push(index);
        }
    }
    jobs.sort_by_key(|index| std::cmp::Reverse(opened.layers[*index].size));
    let entries = AtomicU64::new(0);
    let mut answers = run(&jobs, |index| one(request, opened, index, diff_id(index), &entries))?;

    let mut unhashed = 0;
    let mut parts: Vec<LayerPart> = Vec::new();
    for (index, layer) in opened.layers.iter().enumerate() {
        let facts = match (unread(layer), answers.remove(&index)) {
            (Some(why), _) => Err(why),
            (None, Some((facts, cached))) => {
                unhashed += usize::from(cached);
                Ok(facts)
            }
            (None, None) => {
                copy(&parts[first[&(layer.digest.as_str(), diff_id(index))]].facts, &entries, request.limits)
            }
        };
        parts.push(LayerPart { digest: layer.digest.clone(), size: layer.size, facts });
    }
    let mut irregularities = opened.irregularities.clone();
    compare(&parts, &diff_ids, &mut irregularities);
    if let Some(cache) = request.cache.filter(|_| unhashed < jobs.len()) {
        cache.prune();
    }
    let Opened { digest, index_digest, config, siblings, .. } = opened;
    Ok(Whole {
        digest: digest.clone(),
        index_digest: index_digest.clone(),
        config: config.clone(),
        layers: parts,
        siblings: siblings.clone(),
        unhashed,
        irregularities,
    })
}

/// Walks one layer's archive. `digest` and `size` are those of the blob, where they are known.
pub(super) fn walk(
    request: &Request<'_>,
    blob: impl Read + Send,
    digest: Option<&str>,
    size: Option<u64>,
    entries: &AtomicU64,
) -> Result<LayerFacts, Error> {
    let Request { wanted, limits, .. } = *request;
    let place = digest.map_or_else(|| request.name.to_owned(), |digest| format!("{}@{digest}", request.name));
    layer::read(blob, &LayerRequest { place: &place, digest, size, wanted, limits, entries })
}

/// Facts of a layer that stands in an image more than once. They count each time, so that a small archive can't fill the
/// memory.
pub(super) fn copy(
    facts: &Result<LayerFacts, String>,
    entries: &AtomicU64,
    limits: &Limits,
) -> Result<LayerFacts, String> {
    let facts = facts.as_ref().map_err(Clone::clone)?;
    if takes(facts, entries, limits) {
        Ok(facts.clone())
    } else {
        Err(format!("an equal layer once more, with which the image has more than {} entries", limits.entries))
    }
}

/// Says where a layer's uncompressed archive is not the one that the configuration names.
pub(super) fn compare(parts: &[LayerPart], diff_ids: &[String], irregularities: &mut Vec<Irregularity>) {
    if parts.len() != diff_ids.len() {
        return;
    }
    for (index, (part, said)) in parts.iter().zip(diff_ids).enumerate() {
        // Of a layer that was read only in part no digest is known.
        let Some(facts) = part.facts.as_ref().ok().filter(|facts| !facts.diff_id.is_empty()) else { continue };
        if facts.diff_id != *said && said.starts_with("sha256:") {
            let (said, is) = (printable(said), &facts.diff_id);
            irregularities.push(mismatch(format!(
                "layer {} is {is} when uncompressed, and the configuration says {said}",
                index + 1
            )));
        }
    }
}

/// Runs jobs, as many at once as the processor has use for. The error of the first job is the answer where some failed.
fn run(jobs: &[usize], job: impl Fn(usize) -> Answer + Sync) -> Result<HashMap<usize, (LayerFacts, bool)>, Error> {
    let answers = Mutex::new(HashMap::new());
    let failed = AtomicBool::new(false);
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(index) = jobs.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
            if failed.load(Ordering::Relaxed) {
                break;
            }
            let answer = job(index);
            if answer.is_err() {
                failed.store(true, Ordering::Relaxed);
            }
            answers.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(index, answer);
        }
    };
    // The walk of a layer keeps two threads busy.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 1..(cores / 2).clamp(1, jobs.len().max(1)) {
            scope.spawn(work);
        }
        work();
    });
    let mut answers: Vec<(usize, Answer)> =
        answers.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).into_iter().collect();
    answers.sort_by_key(|(index, _)| *index);
    answers.into_iter().map(|(index, answer)| answer.map(|answer| (index, answer))).collect()
}

fn one(request: &Request<'_>, opened: &Opened, index: usize, diff_id: Option<&str>, entries: &AtomicU64) -> Answer {
    let layer: &Descriptor = &opened.layers[index];
    let slot = request
        .cache
        .zip(diff_id)
        .map(|(cache, diff_id)| cache.slot(&layer.digest, diff_id, request.wanted, request.limits));
    if let Some(facts) = slot.as_ref().and_then(|slot| slot.get())
        && takes(&facts, entries, request.limits)
    {
        return Ok((facts, true));
    }
    let facts = walk(request, opened.blobs.open(layer)?, Some(&layer.digest), Some(layer.size), entries)?;
    let is_whole = !facts.irregularities.iter().any(|odd| odd.kind == IrregularityKind::Limit);
    if let Some(slot) = slot.filter(|_| is_whole && Some(facts.diff_id.as_str()) == diff_id) {
        slot.put(&facts);
    }
    Ok((facts, false))
}

/// Counts the entries of facts that weren't counted while they were read; whether the limit allows them.
fn takes(facts: &LayerFacts, entries: &AtomicU64, limits: &Limits) -> bool {
    let count = facts.entries.len() as u64;
    let allowed = entries.fetch_add(count, Ordering::Relaxed).saturating_add(count) <= limits.entries;
    if !allowed {
        entries.fetch_sub(count, Ordering::Relaxed);
    }
    allowed
}
