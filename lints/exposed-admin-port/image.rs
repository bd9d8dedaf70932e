//! The same in an image's configuration.

use super::{help, purpose, why};
use crate::diagnostic::Severity;
use crate::image::{Image, Spot};
use crate::lint::Findings;
use crate::syntax::ports;
use crate::tables::admin_port;

pub(super) fn check(image: &Image, findings: &mut Findings<Spot>) {
    for exposed in &image.config.exposed_ports {
        let Some(ports) = ports::parse(exposed).ok().filter(|ports| ports.protocol == "tcp") else { continue };
        // Builders write a range down port by port.
        for service in ports.range.filter_map(admin_port) {
            let (names, programs) = purpose(service);
            let starts = image.start.steps.iter().any(|step| {
                let name = step.path.rsplit('/').next().unwrap_or("");
                programs.contains(&name)
            });
            let repository = image.reference.name_without_tag().to_lowercase();
            let is_purpose = starts || names.iter().any(|name| repository.contains(name));
            let place = Spot::Config(format!("config.ExposedPorts.{exposed}"));
            let message = format!("the image exposes port {}, {}", service.port, service.service);
            let finding = findings.report(place, message);
            finding.because(why(service, is_purpose)).help(help(service));
            if is_purpose {
                finding.severity(Severity::Low);
            }
            if service.port == 22 {
                finding.aliases(&["DS-0004"]);
            }
        }
    }
}
