//! The rows of the table; the first that fits holds.

use super::{BaseImage, Family, ImageUser, Tags};

const NONE: BaseImage = BaseImage {
    names: &[],
    tags: Tags::Any,
    user: ImageUser::Root,
    accounts: &[],
    family: Family::Debian,
    shell: None,
    drops_privileges: false,
};
const DROPS: BaseImage = BaseImage { drops_privileges: true, ..NONE };
const ALPINE: BaseImage = BaseImage { family: Family::Alpine, ..NONE };
const REDHAT: BaseImage = BaseImage { family: Family::RedHat, ..NONE };
const DISTROLESS: BaseImage = BaseImage { family: Family::Distroless, ..NONE };
const BUSYBOX: BaseImage = BaseImage { family: Family::Busybox, ..NONE };
const WINDOWS: BaseImage = BaseImage { family: Family::Windows, ..NONE };

/// A row of images made from Debian that set a user.
const fn sets(names: &'static [&'static str], user: &'static str) -> BaseImage {
    BaseImage { names, user: ImageUser::Other(user), ..NONE }
}

pub(super) const ROWS: &[BaseImage] = &[
    // --- Windows -------------------------------------------------------------------------------------------------
    // docker-library/golang, /openjdk, /mongo, /docker, /python: windowsservercore Dockerfiles set PowerShell as SHELL;
    // nanoserver ones set cmd and end with USER ContainerUser.
    BaseImage {
        names: &["golang", "openjdk", "mongo", "docker", "python"],
        tags: Tags::Word(&["windowsservercore"]),
        shell: Some("powershell"),
        ..WINDOWS
    },
    BaseImage {
        names: &["golang", "openjdk", "mongo"],
        tags: Tags::Word(&["nanoserver"]),
        user: ImageUser::Other("ContainerUser"),
        shell: Some("cmd"),
        ..WINDOWS
    },
    // dotnet/dotnet-docker src/{runtime,aspnet,sdk}/*/nanoserver-*: USER ContainerUser; windowsservercore: none.
    // PowerShell/PowerShell-Docker: the same.
    BaseImage {
        names: &["mcr.microsoft.com/dotnet/*", "mcr.microsoft.com/powershell"],
        tags: Tags::Word(&["nanoserver"]),
        user: ImageUser::Other("ContainerUser"),
        ..WINDOWS
    },
    BaseImage {
        names: &["mcr.microsoft.com/dotnet/*", "mcr.microsoft.com/powershell"],
        tags: Tags::Word(&["windowsservercore"]),
        ..WINDOWS
    },
    // Microsoft Learn, "Container base images" and "Secure Windows containers": nanoserver runs as ContainerUser, the
    // others as ContainerAdministrator.
    BaseImage {
        names: &["mcr.microsoft.com/windows/nanoserver*", "microsoft/nanoserver"],
        user: ImageUser::Other("ContainerUser"),
        ..WINDOWS
    },
    BaseImage {
        names: &[
            "mcr.microsoft.com/windows",
            "mcr.microsoft.com/windows/*",
            "mcr.microsoft.com/windowsservercore*",
            "mcr.microsoft.com/dotnet/framework/*",
            "microsoft/windowsservercore",
            "microsoft/iis",
        ],
        ..WINDOWS
    },
    // --- Distributions -------------------------------------------------------------------------------------------
    // canonical/docker-official-images: since 23.04 the image has the account `ubuntu`, number 1000.
    BaseImage { names: &["ubuntu"], tags: Tags::From(23, 4), accounts: &[("ubuntu", Some(1000))], ..NONE },
    BaseImage { names: &["debian", "ubuntu", "bitnami/minideb", "buildpack-deps", "neurodebian"], ..NONE },
    // alpinelinux/docker-alpine: alpine-baselayout's passwd has `nobody` and `guest`; no USER.
    BaseImage { names: &["alpine"], accounts: &[("nobody", Some(65534)), ("guest", Some(405))], ..ALPINE },
    BaseImage { names: &["busybox"], accounts: &[("nobody", Some(65534))], ..BUSYBOX },
    BaseImage {
        names: &[
            "fedora",
            "centos",
            "rockylinux",
            "rockylinux/rockylinux",
            "almalinux",
            "oraclelinux",
            "amazonlinux",
            "redhat/ubi*",
            "quay.io/centos/centos",
            "quay.io/fedora/fedora",
            "quay.io/rockylinux/rockylinux",
            "public.ecr.aws/amazonlinux/amazonlinux",
            "container-registry.oracle.com/os/oraclelinux",
        ],
        ..REDHAT
    },
    // Red Hat Ecosystem Catalog: ubi, ubi-minimal, ubi-micro, ubi-init set no user.
    BaseImage {
        names: &[
            "registry.access.redhat.com/ubi*/ubi",
            "registry.access.redhat.com/ubi*/ubi-minimal",
            "registry.access.redhat.com/ubi*/ubi-init",
            "registry.access.redhat.com/ubi*-minimal",
            "registry.access.redhat.com/ubi8",
            "registry.access.redhat.com/ubi9",
            "registry.access.redhat.com/ubi10",
        ],
        ..REDHAT
    },
    BaseImage {
        names: &["registry.access.redhat.com/ubi*/ubi-micro", "registry.access.redhat.com/ubi*-micro"],
        ..DISTROLESS
    },
    BaseImage { names: &["archlinux", "archlinux/archlinux"], family: Family::Arch, ..NONE },
    BaseImage {
        names: &["opensuse/*", "registry.opensuse.org/*", "registry.suse.com/*"],
        family: Family::Suse,
        ..NONE
    },
    BaseImage {
        names: &["mcr.microsoft.com/azurelinux/base/*", "mcr.microsoft.com/cbl-mariner/base/*", "photon"],
        family: Family::Tdnf,
        ..NONE
    },
    // --- Images without a shell ----------------------------------------------------------------------------------
    // GoogleContainerTools/distroless: common/variables.bzl gives nonroot the number 65532; only its tags set it.
    BaseImage {
        names: &["gcr.io/distroless/*"],
        tags: Tags::Word(&["nonroot"]),
        user: ImageUser::Other("65532"),
        accounts: &[("nonroot", Some(65532))],
        ..DISTROLESS
    },
    BaseImage { names: &["gcr.io/distroless/*"], accounts: &[("nonroot", Some(65532))], ..DISTROLESS },
    BaseImage {
        names: &["mcr.microsoft.com/azurelinux/distroless/*", "mcr.microsoft.com/cbl-mariner/distroless/*"],
        tags: Tags::Word(&["nonroot"]),
        user: ImageUser::Other("nonroot"),
        ..DISTROLESS
    },
    BaseImage {
        names: &["mcr.microsoft.com/azurelinux/distroless/*", "mcr.microsoft.com/cbl-mariner/distroless/*"],
        ..DISTROLESS
    },
    // chainguard-images/images BEST_PRACTICES.md: run-as 65532 by default; bases and compilers are left out here.
    BaseImage {
        names: &[
            "cgr.dev/chainguard/wolfi-base",
            "chainguard/wolfi-base",
            "cgr.dev/chainguard/alpine-base",
            "chainguard/alpine-base",
        ],
        accounts: &[("nonroot", Some(65532))],
        ..ALPINE
    },
    BaseImage {
        names: &[
            "cgr.dev/chainguard/static",
            "cgr.dev/chainguard/glibc-dynamic",
            "cgr.dev/chainguard/python",
            "cgr.dev/chainguard/node",
            "cgr.dev/chainguard/jre",
            "cgr.dev/chainguard/nginx",
            "cgr.dev/chainguard/ruby",
            "chainguard/static",
            "chainguard/glibc-dynamic",
            "chainguard/python",
            "chainguard/node",
            "chainguard/jre",
            "chainguard/nginx",
            "chainguard/ruby",
        ],
        user: ImageUser::Other("65532"),
        accounts: &[("nonroot", Some(65532))],
        ..DISTROLESS
    },
    // docs.docker.com/dhi: runtime variants run as nonroot, -dev and -sdk variants as root.
    BaseImage {
        names: &["dhi.io/*"],
        tags: Tags::Without(&["dev", "sdk", "build"]),
        user: ImageUser::Other("nonroot"),
        ..DISTROLESS
    },
    // --- .NET on Linux -------------------------------------------------------------------------------------------
    // dotnet/dotnet-docker: chiseled and distroless images end with USER $APP_UID (1654); the others since 8.0 have
    // the account `app` and leave root in force.
    BaseImage {
        names: &["mcr.microsoft.com/dotnet/*"],
        tags: Tags::Word(&["chiseled", "distroless"]),
        user: ImageUser::Other("1654"),
        accounts: &[("app", Some(1654))],
        ..DISTROLESS
    },
    BaseImage {
        names: &[
            "mcr.microsoft.com/dotnet/aspnet",
            "mcr.microsoft.com/dotnet/runtime",
            "mcr.microsoft.com/dotnet/runtime-deps",
            "mcr.microsoft.com/dotnet/sdk",
            "mcr.microsoft.com/dotnet/nightly/*",
        ],
        tags: Tags::From(8, 0),
        accounts: &[("app", Some(1654))],
        ..NONE
    },
    BaseImage {
        names: &[
            "mcr.microsoft.com/dotnet/aspnet",
            "mcr.microsoft.com/dotnet/runtime",
            "mcr.microsoft.com/dotnet/runtime-deps",
            "mcr.microsoft.com/dotnet/sdk",
            "mcr.microsoft.com/powershell",
        ],
        ..NONE
    },
    // --- Languages: root stays in force --------------------------------------------------------------------------
    // nodejs/docker-node: `groupadd --gid 1000 node`; no USER.
    BaseImage { names: &["node"], accounts: &[("node", Some(1000))], ..NONE },
    // docker-library/php: Debian's www-data is 33, the Alpine variants make theirs 82; httpd alike.
    BaseImage { names: &["php", "httpd", "wordpress", "drupal", "joomla"], accounts: &[("www-data", None)], ..NONE },
    // keeganwitt/docker-gradle ends with USER root and has the account `gradle`.
    BaseImage { names: &["gradle"], accounts: &[("gradle", Some(1000))], ..NONE },
    BaseImage { names: &["oven/bun"], accounts: &[("bun", Some(1000))], ..NONE },
    BaseImage { names: &["denoland/deno"], accounts: &[("deno", None)], ..NONE },
    BaseImage {
        names: &[
            "python",
            "golang",
            "rust",
            "ruby",
            "openjdk",
            "eclipse-temurin",
            "maven",
            "perl",
            "gcc",
            "pypy",
            "erlang",
            "elixir",
            "haskell",
            "julia",
            "swift",
            "dart",
            "tomcat",
            "continuumio/*",
        ],
        ..NONE
    },
    BaseImage { names: &["amazoncorretto"], ..REDHAT },
    BaseImage { names: &["composer"], ..ALPINE },
    // devcontainers/images: the account `vscode` (or `node`) is for the editor; the configuration keeps root.
    BaseImage { names: &["mcr.microsoft.com/devcontainers/*"], accounts: &[("vscode", Some(1000))], ..NONE },
    BaseImage { names: &["mcr.microsoft.com/playwright*"], accounts: &[("pwuser", None)], ..NONE },
    // docs.aws.amazon.com, "Create a Lambda function using a container image": Lambda runs the function as its own
    // least-privileged user and USER isn't supported.
    BaseImage { names: &["public.ecr.aws/lambda/*", "amazon/aws-lambda-*"], family: Family::RedHat, ..DROPS },
    // --- Servers that start as root and give it up ---------------------------------------------------------------
    // nginxinc/docker-nginx: the master stays root, workers are `nginx`, 101; no USER.
    BaseImage { names: &["nginx"], accounts: &[("nginx", Some(101))], ..NONE },
    BaseImage { names: &["webdevops/*"], accounts: &[("application", Some(1000))], ..NONE },
    // The entrypoint scripts of docker-library/{postgres,mysql,mariadb,mongo,redis,rabbitmq,cassandra,ghost,redmine},
    // 31z4/zookeeper-docker, apache/flink-docker, influxdata: exec gosu, su-exec or setpriv when started as root.
    BaseImage {
        names: &["postgres", "postgis/postgis", "timescale/timescaledb", "pgvector/pgvector"],
        accounts: &[("postgres", None)],
        ..DROPS
    },
    BaseImage { names: &["mysql"], accounts: &[("mysql", Some(999))], family: Family::RedHat, ..DROPS },
    BaseImage { names: &["mariadb"], accounts: &[("mysql", Some(999))], ..DROPS },
    BaseImage { names: &["mongo"], accounts: &[("mongodb", Some(999))], ..DROPS },
    BaseImage { names: &["redis"], accounts: &[("redis", Some(999))], ..DROPS },
    BaseImage { names: &["valkey/valkey"], accounts: &[("valkey", None)], ..DROPS },
    BaseImage { names: &["rabbitmq"], accounts: &[("rabbitmq", None)], ..DROPS },
    BaseImage { names: &["cassandra"], accounts: &[("cassandra", Some(999))], ..DROPS },
    BaseImage { names: &["ghost"], accounts: &[("node", Some(1000))], ..DROPS },
    BaseImage { names: &["redmine"], accounts: &[("redmine", Some(999))], ..DROPS },
    BaseImage { names: &["zookeeper"], accounts: &[("zookeeper", Some(1000))], ..DROPS },
    BaseImage { names: &["flink", "apache/flink"], accounts: &[("flink", Some(9999))], ..DROPS },
    BaseImage { names: &["influxdb"], tags: Tags::From(2, 0), accounts: &[("influxdb", None)], ..DROPS },
    BaseImage { names: &["neo4j"], accounts: &[("neo4j", None)], ..DROPS },
    BaseImage { names: &["clickhouse/clickhouse-server"], accounts: &[("clickhouse", Some(101))], ..DROPS },
    BaseImage { names: &["vault", "hashicorp/vault", "consul", "hashicorp/consul"], family: Family::Alpine, ..DROPS },
    BaseImage { names: &["envoyproxy/envoy"], accounts: &[("envoy", Some(101))], ..DROPS },
    BaseImage { names: &["atlassian/confluence*", "atlassian/jira-*", "atlassian/bitbucket*"], ..DROPS },
    // docs.linuxserver.io, "Understanding PUID and PGID": s6 starts as root and runs the service as `abc`.
    BaseImage {
        names: &["linuxserver/*", "lscr.io/linuxserver/*", "ghcr.io/linuxserver/*"],
        accounts: &[("abc", Some(911))],
        family: Family::Alpine,
        ..DROPS
    },
    // go-gitea/gitea: Dockerfile.rootless ends with USER 1000:1000; the plain one starts s6 as root and uses su-exec.
    BaseImage {
        names: &["gitea/gitea", "docker.gitea.com/gitea"],
        tags: Tags::Word(&["rootless"]),
        user: ImageUser::Other("1000:1000"),
        ..ALPINE
    },
    BaseImage { names: &["gitea/gitea", "docker.gitea.com/gitea"], family: Family::Alpine, ..DROPS },
    // --- Images whose configuration sets a user ------------------------------------------------------------------
    // docker-library/docker: dockerd rootless variant ends with USER rootless.
    BaseImage {
        names: &["docker"],
        tags: Tags::Word(&["rootless", "dind-rootless"]),
        user: ImageUser::Other("rootless"),
        ..ALPINE
    },
    BaseImage { names: &["docker"], ..ALPINE },
    // docker-library/memcached: USER memcache; haproxy since 2.4: USER haproxy.
    sets(&["memcached"], "memcache"),
    BaseImage { tags: Tags::From(2, 4), ..sets(&["haproxy"], "haproxy") },
    // The final USER of each project's Dockerfile: jetty/jetty.docker, apache/solr-docker, groovy/docker-groovy,
    // odoo/docker, liquibase/docker, Kong/docker-kong, TimWolla/docker-adminer, emqx/emqx-docker.
    sets(&["jetty"], "jetty"),
    sets(&["solr"], "solr"),
    sets(&["groovy"], "groovy"),
    sets(&["odoo"], "odoo"),
    sets(&["liquibase", "liquibase/liquibase"], "liquibase"),
    sets(&["kong"], "kong"),
    sets(&["adminer"], "adminer"),
    sets(&["emqx", "emqx/emqx"], "emqx"),
    // percona/percona-docker: USER mysql (1001); OpenLiberty/ci.docker and WASdev/ci.docker: USER 1001.
    BaseImage { family: Family::RedHat, ..sets(&["percona", "percona/percona-server"], "mysql") },
    sets(&["open-liberty", "websphere-liberty", "icr.io/appcafe/open-liberty"], "1001"),
    // SonarSource/docker-sonarqube since 10: USER sonarqube.
    BaseImage { tags: Tags::From(10, 0), accounts: &[("sonarqube", Some(1000))], ..sets(&["sonarqube"], "sonarqube") },
    // apache/spark-docker: USER spark (185).
    BaseImage { accounts: &[("spark", Some(185))], ..sets(&["spark", "apache/spark"], "spark") },
    // elastic/elasticsearch, elastic/kibana, elastic/logstash: users with the number 1000.
    BaseImage {
        accounts: &[("elasticsearch", Some(1000))],
        ..sets(&["elasticsearch", "docker.elastic.co/elasticsearch/elasticsearch"], "1000:0")
    },
    BaseImage { accounts: &[("kibana", Some(1000))], ..sets(&["kibana", "docker.elastic.co/kibana/kibana"], "1000") },
    BaseImage {
        accounts: &[("logstash", Some(1000))],
        ..sets(&["logstash", "docker.elastic.co/logstash/logstash"], "1000")
    },
    BaseImage {
        family: Family::RedHat,
        ..sets(&["opensearchproject/opensearch", "opensearchproject/opensearch-dashboards"], "1000")
    },
    // jenkinsci/docker, jenkinsci/docker-agent(s): USER jenkins (1000).
    BaseImage {
        accounts: &[("jenkins", Some(1000))],
        ..sets(
            &["jenkins/jenkins", "jenkins/agent", "jenkins/inbound-agent", "jenkins/jnlp-slave", "jenkins"],
            "jenkins",
        )
    },
    // bitnami/containers: service images end with USER 1001; language images (node, python, …) and minideb don't.
    sets(
        &[
            "bitnami/redis*",
            "bitnami/postgresql*",
            "bitnami/mysql",
            "bitnami/mariadb*",
            "bitnami/mongodb*",
            "bitnami/kafka",
            "bitnami/zookeeper",
            "bitnami/nginx*",
            "bitnami/apache",
            "bitnami/rabbitmq",
            "bitnami/elasticsearch",
            "bitnami/wordpress*",
            "bitnami/keycloak",
            "bitnami/kubectl",
            "bitnami/etcd",
            "bitnami/cassandra",
            "bitnami/memcached",
            "bitnami/spark",
            "bitnami/tomcat",
            "bitnami/grafana",
            "bitnami/prometheus",
            "bitnamilegacy/*",
        ],
        "1001",
    ),
    // nginx/docker-nginx-unprivileged: USER 101.
    BaseImage {
        accounts: &[("nginx", Some(101))],
        ..sets(&["nginxinc/nginx-unprivileged", "ghcr.io/nginx/nginx-unprivileged"], "101")
    },
    // sclorg/s2i-*-container: USER 1001; Red Hat's OpenJDK images: USER 185 (jboss, default).
    BaseImage {
        family: Family::RedHat,
        ..sets(
            &[
                "registry.access.redhat.com/ubi*/nodejs-*",
                "registry.access.redhat.com/ubi*/python-*",
                "registry.access.redhat.com/ubi*/php-*",
                "registry.access.redhat.com/ubi*/ruby-*",
                "registry.access.redhat.com/ubi*/perl-*",
                "registry.access.redhat.com/ubi*/nginx-*",
                "registry.access.redhat.com/ubi*/httpd-*",
                "registry.access.redhat.com/ubi*/go-toolset",
                "registry.access.redhat.com/ubi*/dotnet-*",
                "quay.io/sclorg/python-*",
                "quay.io/sclorg/nodejs-*",
            ],
            "1001",
        )
    },
    BaseImage { family: Family::RedHat, ..sets(&["registry.access.redhat.com/ubi*/openjdk-*"], "185") },
    // microsoft/mssql-docker: USER mssql (10001) since 2019.
    BaseImage {
        tags: Tags::From(2019, 0),
        accounts: &[("mssql", Some(10001))],
        ..sets(&["mcr.microsoft.com/mssql/server"], "mssql")
    },
    // grafana/grafana: USER 472; grafana/loki: USER 10001.
    BaseImage {
        family: Family::Alpine,
        ..sets(&["grafana/grafana", "grafana/grafana-oss", "grafana/grafana-enterprise"], "472")
    },
    BaseImage { family: Family::Distroless, ..sets(&["grafana/loki"], "10001") },
    // prometheus/{prometheus,alertmanager,node_exporter,pushgateway}: USER nobody.
    BaseImage {
        family: Family::Busybox,
        ..sets(
            &[
                "prom/prometheus",
                "prom/alertmanager",
                "prom/node-exporter",
                "prom/pushgateway",
                "quay.io/prometheus/prometheus",
                "quay.io/prometheus/alertmanager",
                "quay.io/prometheus/node-exporter",
            ],
            "nobody",
        )
    },
    // curl/curl-container: USER curl_user. SeleniumHQ/docker-selenium: USER 1200:1201.
    BaseImage { family: Family::Alpine, ..sets(&["curlimages/curl", "quay.io/curl/curl"], "curl_user") },
    BaseImage { accounts: &[("seluser", Some(1200))], ..sets(&["selenium/*"], "1200:1201") },
    // sonatype/docker-nexus3: USER nexus. mamba-org/micromamba-docker: USER mambauser (57439).
    BaseImage { family: Family::RedHat, ..sets(&["sonatype/nexus3"], "nexus") },
    BaseImage {
        accounts: &[("mambauser", Some(57439))],
        ..sets(&["mambaorg/micromamba", "ghcr.io/mamba-org/micromamba"], "mambauser")
    },
    // jupyter/docker-stacks: USER 1000 (jovyan). gitpod-io/workspace-images: USER gitpod (33333).
    BaseImage {
        accounts: &[("jovyan", Some(1000))],
        ..sets(&["jupyter/*-notebook", "quay.io/jupyter/*-notebook"], "1000")
    },
    BaseImage { accounts: &[("gitpod", Some(33333))], ..sets(&["gitpod/workspace-*"], "gitpod") },
    // CircleCI-Public/cimg-base: USER circleci. actions/runner images/Dockerfile: USER runner.
    sets(&["cimg/*", "circleci/*"], "circleci"),
    sets(&["ghcr.io/actions/actions-runner"], "runner"),
    // confluentinc/common-docker: USER appuser since 6.0. apache/kafka docker/jvm/Dockerfile: USER appuser.
    BaseImage { family: Family::RedHat, tags: Tags::From(6, 0), ..sets(&["confluentinc/cp-*"], "appuser") },
    BaseImage { family: Family::Alpine, ..sets(&["apache/kafka"], "appuser") },
    // The final USER of apache/airflow, /superset, /nifi, /druid.
    BaseImage { accounts: &[("airflow", Some(50000))], ..sets(&["apache/airflow"], "50000") },
    sets(&["apache/superset"], "superset"),
    sets(&["apache/nifi"], "nifi"),
    sets(&["apache/druid"], "druid"),
    // keycloak/keycloak quarkus/container/Dockerfile: USER 1000. WildFly and Payara: USER jboss, payara.
    BaseImage { family: Family::RedHat, ..sets(&["quay.io/keycloak/keycloak", "keycloak/keycloak"], "1000") },
    BaseImage { family: Family::RedHat, ..sets(&["jboss/*", "quay.io/wildfly/wildfly"], "jboss") },
    sets(&["payara/server-full", "payara/server-web", "payara/micro"], "payara"),
    // The final USER of each project's Dockerfile.
    BaseImage { family: Family::Alpine, ..sets(&["dpage/pgadmin4"], "5050") },
    BaseImage { family: Family::Alpine, ..sets(&["nodered/node-red"], "node-red") },
    BaseImage { family: Family::Alpine, ..sets(&["n8nio/n8n", "docker.n8n.io/n8nio/n8n"], "node") },
    sets(&["ghcr.io/puppeteer/puppeteer"], "pptruser"),
    BaseImage { family: Family::Alpine, ..sets(&["verdaccio/verdaccio"], "10001") },
    sets(&["istio/proxyv2", "gcr.io/istio-release/proxyv2"], "1337"),
    sets(&["quay.io/argoproj/argocd"], "999"),
    BaseImage { family: Family::Alpine, ..sets(&["registry.k8s.io/ingress-nginx/controller"], "www-data") },
];
