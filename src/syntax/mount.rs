//! Values of `RUN --mount` and `RUN --device`: comma-separated fields. Source: the Dockerfile reference; RFC 4180 for
//! quoted fields.

/// The fields of a mount.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Mount {
    /// Keys in lower case with their values, in order.
    pub fields: Vec<(String, Option<String>)>,
}

impl Mount {
    /// Reads a value of `--mount`.
    ///
    /// # Errors
    /// When the fields can't be taken apart, or `from` has a variable, which BuildKit refuses.
    pub fn parse(value: &str) -> Result<Self, String> {
        let mut fields = Vec::new();
        for field in split(value)? {
            let (key, value) = match field.split_once('=') {
                Some((key, value)) => (key, Some(value.to_owned())),
                None => (field.as_str(), None),
            };
            let key = key.to_lowercase();
            if key == "from"
                && let Some(value) = &value
                && value.find('$').is_some_and(|at| at + 1 != value.len())
            {
                return Err("`from` of a mount can't hold a variable".to_owned());
            }
            fields.push((key, value));
        }
        Ok(Self { fields })
    }

    /// `bind` (the default), `cache`, `tmpfs`, `secret`, `ssh`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.get(&["type"]).unwrap_or("bind")
    }

    /// The stage or image it takes from.
    #[must_use]
    pub fn from(&self) -> Option<&str> {
        self.get(&["from"])
    }

    /// Where it is mounted.
    #[must_use]
    pub fn target(&self) -> Option<&str> {
        self.get(&["target", "dst", "destination"])
    }

    /// What is mounted.
    #[must_use]
    pub fn source(&self) -> Option<&str> {
        self.get(&["source", "src"])
    }

    /// The last value of any of `keys`.
    #[must_use]
    pub fn get(&self, keys: &[&str]) -> Option<&str> {
        self.fields.iter().rev().find(|(key, _)| keys.contains(&key.as_str()))?.1.as_deref()
    }
}

/// A device that `RUN --device` asks for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Device {
    /// Its name in the Container Device Interface.
    pub name: String,
    /// Whether the build fails without it.
    pub required: bool,
}

impl Device {
    /// Reads a value of `--device`.
    ///
    /// # Errors
    /// When a field is unknown or the name is given twice.
    pub fn parse(value: &str) -> Result<Self, String> {
        let mut device = Self::default();
        for field in split(value)? {
            let (key, value) = match field.split_once('=') {
                Some((key, value)) => (key.to_lowercase(), Some(value)),
                None => (field.to_lowercase(), None),
            };
            match (key.as_str(), value) {
                ("required", None) => device.required = true,
                ("required", Some(value)) => device.required = boolean(value)?,
                ("name", Some(_)) if !device.name.is_empty() => {
                    return Err(format!("the device's name is already set to `{}`", device.name));
                }
                ("name", Some(value)) => value.clone_into(&mut device.name),
                _ if device.name.is_empty() => device.name = field,
                _ => return Err(format!("`{field}` is no field of a device")),
            }
        }
        Ok(device)
    }
}

/// Go's `strconv.ParseBool`.
fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err(format!("`{text}` is neither true nor false")),
    }
}

/// Splits at commas outside double quotes.
fn split(value: &str) -> Result<Vec<String>, String> {
    let mut fields = Vec::new();
    let mut rest = value;
    loop {
        let Some(quoted) = rest.strip_prefix('"') else {
            let (field, next) = rest.split_once(',').map_or((rest, None), |(field, next)| (field, Some(next)));
            if field.contains('"') {
                return Err(format!("a quote stands inside the field `{field}`"));
            }
            fields.push(field.to_owned());
            match next {
                Some(next) => rest = next,
                None => return Ok(fields),
            }
            continue;
        };
        let mut field = String::new();
        let mut tail = quoted;
        loop {
            let Some((text, next)) = tail.split_once('"') else { return Err("a quote is never closed".to_owned()) };
            field.push_str(text);
            tail = next;
            match tail.strip_prefix('"') {
                Some(next) => {
                    field.push('"');
                    tail = next;
                }
                None => break,
            }
        }
        fields.push(field);
        match tail.strip_prefix(',') {
            Some(next) => rest = next,
            None if tail.is_empty() => return Ok(fields),
            None => return Err("text follows a closing quote".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_fields_in_any_order() {
        let mount = Mount::parse("target=/root/.cache,TYPE=cache,ro,\"id=a,\"\"b\"").expect("well-formed");
        assert_eq!((mount.kind(), mount.target(), mount.get(&["id"])), ("cache", Some("/root/.cache"), Some("a,\"b")));
        assert_eq!(Mount::parse("from=x").map(|mount| mount.kind().to_owned()), Ok("bind".to_owned()));
        for bad in ["a\"b", "\"a", "\"a\"b", "from=$X"] {
            assert!(Mount::parse(bad).is_err(), "{bad}");
        }
    }
}
