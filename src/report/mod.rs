//! One file per format; the only place that writes findings. A report never decides.
