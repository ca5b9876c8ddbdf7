//! The form of answer that a request to `/ipfs/{cid}` asks for (Trustless Gateway, sections 1.3 and 2; IPIP-402, IPIP-412). Pure.
//!
//! `format` in the address decides, as it does for every cache on the way; without it, `Accept` does.

use axum::http::{HeaderMap, header};
use serde::Deserialize;

use super::bytes_range::EntityBytes;
use crate::error::{Code, Result, refused};

const CAR: &str = "application/vnd.ipld.car";
const RAW: &str = "application/vnd.ipld.raw";
/// Types that only a gateway of another kind can give; what is asked for beside them is the bytes of the file, whatever they are.
const FOREIGN: [&str; 3] = [
    "application/vnd.ipld.",
    "application/vnd.ipfs.",
    "application/x-tar",
];

/// The parameters in the address.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::http) struct Query {
    format: Option<String>,
    #[serde(rename = "dag-scope")]
    dag_scope: Option<String>,
    #[serde(rename = "entity-bytes")]
    entity_bytes: Option<String>,
    #[serde(rename = "car-version")]
    car_version: Option<String>,
    #[serde(rename = "car-order")]
    car_order: Option<String>,
    #[serde(rename = "car-dups")]
    car_dups: Option<String>,
    /// What the answer is to be called when it is saved.
    pub filename: Option<String>,
}

/// A form of answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Form {
    /// The block itself.
    Raw,
    /// Blocks in a CAR.
    Car(CarForm),
    /// The file's bytes, put together here.
    Plain,
}

/// Which blocks a CAR has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct CarForm {
    /// How much of the DAG.
    pub scope: Scope,
    /// Whether a block that occurs in several places comes in each.
    pub duplicates: bool,
}

/// How much of the DAG.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Scope {
    /// The root alone.
    Block,
    /// What holds these bytes of the file, and leads to it.
    Entity(EntityBytes),
    /// All.
    All,
}

impl Form {
    /// Reads what a request asks for.
    ///
    /// # Errors
    /// `not_acceptable` for a form that is not given here; `malformed`.
    pub fn of(query: &Query, headers: &HeaderMap) -> Result<Self> {
        let accepted = accepted(headers);
        let format = match query.format.as_deref() {
            None | Some("") => accepted.as_ref().map(|media| media.essence.as_str()),
            Some("car") => Some(CAR),
            Some("raw") => Some(RAW),
            Some(other) => {
                return Err(not_given(&format!("format={other}")));
            }
        };
        match format {
            Some(CAR) => {
                let media = accepted.filter(|media| media.essence == CAR);
                CarForm::of(query, media.as_ref()).map(Self::Car)
            }
            Some(RAW) => Ok(Self::Raw),
            Some(foreign) if FOREIGN.iter().any(|kind| foreign.starts_with(kind)) => {
                Err(not_given(foreign))
            }
            Some(_) | None => Ok(Self::Plain),
        }
    }

    /// The entity tag of this form of a CID; in quotes, and weak for a CAR, whose blocks are what counts.
    pub fn etag(&self, cid: &str) -> String {
        match self {
            Self::Raw => format!("\"{cid}.raw\""),
            Self::Plain => format!("\"{cid}\""),
            Self::Car(car) => {
                let scope = match car.scope {
                    Scope::Block => "block".to_owned(),
                    Scope::All => "all".to_owned(),
                    Scope::Entity(bytes) => format!("entity.{bytes}"),
                };
                format!("W/\"{cid}.car.{scope}.{}\"", car.dups())
            }
        }
    }
}

impl CarForm {
    fn of(query: &Query, media: Option<&Media>) -> Result<Self> {
        let asked = |in_address: &Option<String>, name: &str| {
            let in_header = || media.and_then(|media| media.parameter(name));
            in_address.clone().or_else(in_header)
        };
        if let Some(version) = asked(&query.car_version, "version").filter(|it| it != "1") {
            return Err(not_given(&format!("a CAR of version {version}")));
        }
        match asked(&query.car_order, "order").as_deref() {
            None | Some("dfs" | "unk") => {}
            Some(other) => return Err(not_given(&format!("a CAR in the order {other}"))),
        }
        let duplicates = match asked(&query.car_dups, "dups").as_deref() {
            None | Some("n") => false,
            Some("y") => true,
            Some(_) => return Err(refused(Code::Malformed, "dups is y or n")),
        };
        let bytes = query
            .entity_bytes
            .as_deref()
            .map(EntityBytes::parse)
            .transpose()?;
        let scope = match (query.dag_scope.as_deref(), bytes) {
            (Some("block"), None) => Scope::Block,
            (Some("all") | None, None) => Scope::All,
            (Some("entity") | None, bytes) => Scope::Entity(bytes.unwrap_or(EntityBytes::ALL)),
            (Some("block" | "all"), Some(_)) => {
                let detail = "entity-bytes goes together with dag-scope=entity only";
                return Err(refused(Code::Malformed, detail));
            }
            (Some(_), _) => {
                let detail = "dag-scope is block, entity or all";
                return Err(refused(Code::Malformed, detail));
            }
        };
        Ok(Self { scope, duplicates })
    }

    /// The `Content-Type`, with all that is known of the blocks' order.
    pub fn content_type(self) -> String {
        format!("{CAR}; version=1; order=dfs; dups={}", self.dups())
    }

    fn dups(self) -> char {
        if self.duplicates { 'y' } else { 'n' }
    }
}

fn not_given(what: &str) -> crate::error::Error {
    refused(
        Code::NotAcceptable,
        format!(
            "this provider does not give {what}; it gives format=car and format=raw, and the bytes of what is free"
        ),
    )
}

/// A media type of an `Accept` header.
struct Media {
    essence: String,
    parameters: Vec<(String, String)>,
}

impl Media {
    fn parse(text: &str) -> (Self, f32) {
        let mut parts = text.split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
        let mut quality = 1.0;
        let mut parameters = Vec::new();
        for part in parts {
            let Some((name, value)) = part.split_once('=') else {
                continue;
            };
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
            let value = value.trim_matches('"').to_owned();
            if name == "q" {
                quality = value.parse().unwrap_or(0.0);
            } else {
                parameters.push((name, value));
            }
        }
        let media = Self {
            essence,
            parameters,
        };
        (media, quality)
    }

    fn parameter(&self, name: &str) -> Option<String> {
        let found = self.parameters.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    }
}

/// The type that the client wants most; of equals, the first.
fn accepted(headers: &HeaderMap) -> Option<Media> {
    let mut best: Option<(Media, f32)> = None;
    let values = headers.get_all(header::ACCEPT).iter();
    for text in values.filter_map(|value| value.to_str().ok()) {
        for (media, quality) in text.split(',').map(Media::parse) {
            let better = best.as_ref().is_none_or(|(_, before)| quality > *before);
            if quality > 0.0 && better {
                best = Some((media, quality));
            }
        }
    }
    best.map(|(media, _)| media)
}

#[cfg(test)]
mod tests {
    use axum::extract::Query as Extract;
    use axum::http::{HeaderValue, Uri};

    use super::*;

    fn form(query: &str, accept: &str) -> Result<Form> {
        let uri: Uri = format!("/ipfs/x?{query}").parse().unwrap();
        let Extract(query) = Extract::<Query>::try_from_uri(&uri).unwrap();
        let mut headers = HeaderMap::new();
        if !accept.is_empty() {
            headers.insert(header::ACCEPT, HeaderValue::from_str(accept).unwrap());
        }
        Form::of(&query, &headers)
    }

    fn car(scope: Scope, duplicates: bool) -> Form {
        Form::Car(CarForm { scope, duplicates })
    }

    #[test]
    fn the_form_is_taken_from_the_address_or_from_accept() {
        let browser = "text/html,application/xhtml+xml,image/webp,*/*;q=0.8";
        for (query, accept, expected) in [
            ("", "", Form::Plain),
            ("", "*/*", Form::Plain),
            ("", browser, Form::Plain),
            ("format=raw", browser, Form::Raw),
            ("", RAW, Form::Raw),
            ("format=raw", CAR, Form::Raw),
            ("format=car", "", car(Scope::All, false)),
            ("", CAR, car(Scope::All, false)),
            (
                "",
                "application/vnd.ipld.car;q=0.5, application/vnd.ipld.raw",
                Form::Raw,
            ),
            ("", "application/vnd.ipld.raw;q=0, */*", Form::Plain),
            (
                "",
                "application/vnd.ipld.car; version=1; order=dfs; dups=y",
                car(Scope::All, true),
            ),
            (
                "format=car",
                "application/vnd.ipld.car; dups=y",
                car(Scope::All, true),
            ),
            (
                "format=car&car-dups=n",
                "application/vnd.ipld.car; dups=y",
                car(Scope::All, false),
            ),
            (
                "",
                "application/vnd.ipld.car; order=unk",
                car(Scope::All, false),
            ),
            ("format=car&dag-scope=block", "", car(Scope::Block, false)),
            ("format=car&dag-scope=all", "", car(Scope::All, false)),
            (
                "format=car&dag-scope=entity",
                "",
                car(Scope::Entity(EntityBytes::ALL), false),
            ),
        ] {
            assert_eq!(form(query, accept).unwrap(), expected, "{query} {accept}");
        }
    }

    #[test]
    fn what_is_not_given_is_not_acceptable_and_nonsense_is_malformed() {
        for (query, accept, code) in [
            ("format=tar", "", Code::NotAcceptable),
            ("format=dag-json", "", Code::NotAcceptable),
            ("", "application/x-tar", Code::NotAcceptable),
            ("", "application/vnd.ipld.dag-cbor", Code::NotAcceptable),
            ("", "application/vnd.ipfs.ipns-record", Code::NotAcceptable),
            (
                "",
                "application/vnd.ipld.car; version=2",
                Code::NotAcceptable,
            ),
            ("format=car&car-version=2", "", Code::NotAcceptable),
            ("format=car&car-order=bfs", "", Code::NotAcceptable),
            ("format=car&car-dups=perhaps", "", Code::Malformed),
            ("format=car&dag-scope=half", "", Code::Malformed),
            ("format=car&entity-bytes=5", "", Code::Malformed),
            (
                "format=car&dag-scope=all&entity-bytes=0:5",
                "",
                Code::Malformed,
            ),
        ] {
            assert_eq!(
                form(query, accept).unwrap_err().code(),
                code,
                "{query} {accept}"
            );
        }
    }

    #[test]
    fn each_form_has_its_own_entity_tag() {
        let tags = [
            ("", "\"c\""),
            ("format=raw", "\"c.raw\""),
            ("format=car", "W/\"c.car.all.n\""),
            ("format=car&car-dups=y", "W/\"c.car.all.y\""),
            ("format=car&dag-scope=block", "W/\"c.car.block.n\""),
            ("format=car&entity-bytes=5:-3", "W/\"c.car.entity.5_-3.n\""),
            ("format=car&entity-bytes=0:*", "W/\"c.car.entity.0_*.n\""),
        ];
        for (query, tag) in tags {
            assert_eq!(form(query, "").unwrap().etag("c"), tag);
        }
    }
}
