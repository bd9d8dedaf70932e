//! Passwords, tokens, and where they go.

use super::*;

/// A registry that wants `Bearer good`, and a token server beside it.
fn token_server(token: &'static str) -> Server {
    Server::start(move |request, _| {
        if request.path.starts_with("/token") {
            return answer(200, &[], format!("{{\"{token}\":\"good\",\"expires_in\":300}}"));
        }
        if request.header("authorization") == Some("Bearer good") {
            return answer(200, &[("Content-Type", MANIFEST)], "{}");
        }
        let host = request.header("host").expect("a host");
        let challenge = format!("Bearer realm=\"http://{host}/token?a=1\",service=\"the registry\",scope=\"other\"");
        answer(401, &[("WWW-Authenticate", &challenge)], r#"{"errors":[{"code":"UNAUTHORIZED","message":"m"}]}"#)
    })
}

fn with_auth(host: &str, entry: &str) -> Result<Registry, Error> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("auth.json");
    std::fs::write(&file, format!("{{\"auths\": {{\"{host}\": {entry}}}}}")).expect("written");
    Registry::connect(host, "team/app", &Options { auth_files: vec![file], ..options() })
}

#[test]
fn a_token_is_asked_for_once() {
    for field in ["token", "access_token"] {
        let server = token_server(field);
        let registry = connect(&server.host);
        registry.manifest("one").expect("with a token");
        registry.manifest("two").expect("with the same token");
        let tokens = server.asked_for("/token");
        assert_eq!(tokens.len(), 1);
        assert_eq!(tokens[0].path, "/token?a=1&service=the+registry&scope=repository%3Ateam%2Fapp%3Apull");
        assert!(tokens[0].header("authorization").is_none(), "nobody logs in");
        assert_eq!(server.asked_for("one").len(), 2);
        assert_eq!(server.asked_for("two").len(), 1);
    }
}

#[test]
fn the_password_goes_to_the_token_server_alone() {
    let server = token_server("token");
    // `user:pass`.
    let registry = with_auth(&server.host, r#"{"auth": "dXNlcjpwYXNz"}"#).expect("a file");
    registry.manifest("latest").expect("with a token");
    assert_eq!(server.asked_for("/token")[0].header("authorization"), Some("Basic dXNlcjpwYXNz"));
    let shown: Vec<_> =
        server.asked_for("/v2/").iter().filter_map(|one| one.header("authorization").map(str::to_owned)).collect();
    assert_eq!(shown, ["Bearer good"]);
}

#[test]
fn an_identity_token_is_exchanged() {
    let server = token_server("access_token");
    let registry = with_auth(&server.host, r#"{"identitytoken": "id&more"}"#).expect("a file");
    registry.manifest("latest").expect("with a token");
    let asked = &server.asked_for("/token")[0];
    assert_eq!(asked.method, "POST");
    for part in [
        "grant_type=refresh_token",
        "refresh_token=id%26more",
        "scope=repository%3Ateam%2Fapp%3Apull",
        "client_id=harden",
    ] {
        assert!(asked.body.contains(part), "{}", asked.body);
    }
    let registry = with_auth(&server.host, r#"{"registrytoken": "good"}"#).expect("a file");
    registry.manifest("latest").expect("with the token of the file");
    assert_eq!(server.asked_for("/token").len(), 1);
}

#[test]
fn a_password_is_shown_where_it_is_asked_for() {
    let server = Server::start(|request, _| match request.header("authorization") {
        Some("Basic dXNlcjpwYXNz") => answer(200, &[], "{}"),
        _ => answer(401, &[("WWW-Authenticate", "Basic realm=\"here\"")], ""),
    });
    let login = Options { login: Some(("user".to_owned(), "pass".to_owned())), ..options() };
    let registry = Registry::connect(&server.host, "team/app", &login).expect("a name");
    registry.manifest("latest").expect("with the password");
    assert!(server.asked()[0].header("authorization").is_none(), "not before it was asked for");
    let wrong = with_auth(&server.host, r#"{"auth": "dXNlcjpub3Bl"}"#).expect("a file");
    says(&wrong.manifest("latest").expect_err("a wrong password"), &["wants a login", "docker login"]);
    says(&connect(&server.host).manifest("latest").expect_err("no password"), &["wants a login", "docker login"]);
}

#[test]
fn a_token_that_has_run_out_is_asked_for_again() {
    let server = Server::start(|request, before| {
        if request.path.starts_with("/token") {
            return answer(200, &[], format!("{{\"token\":\"t{before}\"}}"));
        }
        let good = if request.path.ends_with("late") { "Bearer t1" } else { "Bearer t0" };
        if request.header("authorization") == Some(good) {
            return answer(200, &[], "{}");
        }
        let challenge = format!("Bearer realm=\"http://{}/token\"", request.header("host").expect("a host"));
        answer(401, &[("WWW-Authenticate", &challenge)], "")
    });
    let registry = connect(&server.host);
    registry.manifest("early").expect("the first token");
    registry.manifest("late").expect("the second token");
    assert_eq!(server.asked_for("/token").len(), 2);
}

#[test]
fn tokens_that_are_none_are_refused() {
    for (body, words) in [
        (r#"{"token":"a\r\nHost: b"}"#.to_owned(), "characters that no token has"),
        ("<html>".to_owned(), "holds no token"),
        (r#"{"token":7}"#.to_owned(), "holds no token"),
        (format!("{{\"token\":\"{}\"}}", "x".repeat(1 << 20)), "longer than"),
    ] {
        let server = Server::start(move |request, _| {
            if request.path.starts_with("/token") {
                return answer(200, &[], body.clone());
            }
            let challenge = format!("Bearer realm=\"http://{}/token\"", request.header("host").expect("a host"));
            answer(401, &[("WWW-Authenticate", &challenge)], "")
        });
        says(&connect(&server.host).manifest("latest").expect_err(words), &[words]);
    }
}

#[test]
fn a_token_server_that_refuses_is_told_apart() {
    let server = Server::start(|request, _| {
        let challenge = format!("Bearer realm=\"http://{}/token\"", request.header("host").expect("a host"));
        answer(401, &[("WWW-Authenticate", &challenge)], "")
    });
    let error = connect(&server.host).manifest("latest").expect_err("no token");
    says(&error, &["a token for `team/app` without a login", "/token", &format!("docker login {}`", server.host)]);
    assert_eq!(server.asked_for("/token").len(), 1, "the token server isn't asked for a token to itself");
}

#[test]
fn what_an_auth_file_gets_wrong_is_said_with_its_name() {
    for entry in ["{", r#"{"auth": "!"}"#, r#"{"auth": 1}"#] {
        let error = with_auth("h.example", entry).expect_err(entry);
        says(&error, &["auth.json", "docker login"]);
    }
    let missing = Options { auth_files: vec!["/nowhere/a.json".into()], auth_required: true, ..options() };
    says(&Registry::connect("h", "a", &missing).expect_err("no file"), &["/nowhere/a.json", "REGISTRY_AUTH_FILE"]);
}

#[test]
fn the_files_stand_in_the_order_of_the_manual() {
    let variables = |name: &str| match name {
        "HOME" => Some("/home/me".into()),
        "XDG_RUNTIME_DIR" => Some("/run/user/1".into()),
        _ => None,
    };
    let options = Options::from_variables(&variables);
    let files: Vec<_> = options.auth_files.iter().map(|file| file.to_string_lossy().replace('\\', "/")).collect();
    assert_eq!(
        files,
        ["/run/user/1/containers/auth.json", "/home/me/.config/containers/auth.json", "/home/me/.docker/config.json"]
    );
    assert!(!options.auth_required && options.ca_files.is_empty());
    let named = |name: &str| match name {
        "REGISTRY_AUTH_FILE" => Some("/a.json".into()),
        "SSL_CERT_FILE" => Some("/ca.pem".into()),
        other => variables(other),
    };
    let options = Options::from_variables(&named);
    assert_eq!((options.auth_files.len(), options.auth_required, options.ca_files.len()), (1, true, 1));
}

#[test]
fn a_credential_helper_is_a_program() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = |name: &str, script: &str| {
        let path = folder.path().join(name);
        // Another process writes it: a file that is open for writing here, some child of another test would hold open.
        let write = "printf '#!/bin/sh\n%s\n' \"$2\" > \"$1\" && chmod +x \"$1\"";
        let written = std::process::Command::new("sh").args(["-c", write, "sh"]).arg(&path).arg(script).status();
        written.is_ok_and(|status| status.success()).then(|| path.display().to_string())
    };
    let good = r#"read server; [ "$1" = get ] && printf '{"ServerURL":"%s","Username":"me","Secret":"%s!"}' "$server" "$server""#;
    let Some(good) = program("good", good) else {
        crate::support::skip("there is no shell");
        return;
    };
    let ask = |program: &str| harden::platform::credential_helper(program, "r.example");
    assert_eq!(ask(&good), Ok(("me".to_owned(), "r.example!".to_owned())));
    let none = program("none", "echo credentials not found in native keychain; exit 1").expect("written before");
    assert_eq!(ask(&none), Err("credentials not found in native keychain".to_owned()));
    let odd = program("odd", "echo s3cret").expect("written before");
    assert_eq!(ask(&odd), Err("its answer can't be understood".to_owned()));
    let silent = program("silent", "exit 3").expect("written before");
    assert!(ask(&silent).expect_err("it fails").contains('3'));
    assert!(ask("/nowhere/docker-credential-x").is_err());
    let endless = program("endless", "exec yes").expect("written before");
    assert!(ask(&endless).is_err());
}
