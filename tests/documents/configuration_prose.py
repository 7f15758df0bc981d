"""What docs/configuration.md says besides the keys themselves: its beginning, words on each block, its examples."""

HEAD = """\
<!-- Made from the settings: `.venv/bin/python -m tests.documents.configuration_page > docs/configuration.md`. A test compares. -->

# Configuration

This page has every key with its default and the reason for it. A key that you leave out has its default, so write only what
differs. One source is enough to begin with, as in [jobwatch.minimal.yaml](../config/jobwatch.minimal.yaml);
[jobwatch.example.yaml](../config/jobwatch.example.yaml) shows all keys at a glance.

```yaml
sources:
  prod:
    provider: {kind: cos-batch, region: ap-chengdu, uin: "100000000001", appid: "1250000000"}
```

On this page: [how it is found](#where-it-is-looked-for) · [the file](#the-file) · [the environment](#the-environment) ·
[secrets](#secrets) · [what is refused](#what-is-refused) · [editors](#editors) · [examples](#examples) · the keys of
[the installation](#the-installation), [sources](#sources), [cos-batch](#provider-cos-batch), [cas](#provider-cas),
[credentials](#credentials), [receivers](#receivers), [wants](#what-a-receiver-wants), [digest](#digests),
[mention](#whom-a-message-calls), [rules](#rules), [egress](#egress), [store](#store), [retention](#retention), [http](#http),
[metrics](#metrics), [log](#log), [heartbeat](#heartbeat).

## Where it is looked for

The configuration is one YAML file; environment variables override it. The file is the first of these:

1. `--config FILE`
2. the file that `JOBWATCH_CONFIG` names
3. `./jobwatch.yaml`
4. `/etc/jobwatch/jobwatch.yaml`

A file named in one of the first two ways has to exist. Without any file, environment variables have to say enough.

```sh
jobwatch check                          # the configuration, and who is told what
jobwatch check --config jobwatch.yaml   # the same for this file
jobwatch check --online                 # in addition, call every source once
```

`check` shows the whole configuration with its defaults; secrets are shown as `***`. The daemon applies a changed file while it
runs: [reload.md](reload.md).

## The file

- **Durations** are a whole number and a unit (`ms`, `s`, `m`, `h` or `d`): `500ms`, `30s`, `5m`, `2h`, `90d`. A plain
  number is refused.
- **Names** of sources and receivers are lower-case letters, digits and single underscores, begin with a letter and have at most
  63 characters, because they become metric labels, log keys and variables. Below, `NAME` stands for yours.
- **`null`**, for keys that take it, means none, or switches a rule off. It is not the same as leaving the key out.
- **Relative paths** are relative to the file, or to the working directory where there is no file.
- **Globs** match the whole text and distinguish upper and lower case: `*`, `?`, `[abc]`.
- **Anchors**, aliases and merge keys (`<<`) work. Top-level keys that begin with `x-` are ignored, so that anchors can be put there.
- **Plain words stay text.** `on`, `off`, `yes` and `no` are text, and so are dates and `1:30`; `true` and `false` are the only
  booleans. `0123` keeps its zero. Identifiers such as `uin` may be written as numbers.
- A key that is written twice is a mistake. The file is one YAML document, at most 1 MiB, in UTF-8.

## The environment

Every key can also be set by a variable, which overrides the file: `JOBWATCH_`, then the path in capitals with `__` between keys.

| value | is written |
| --- | --- |
| text, number, `true`, duration | as it is: `JOBWATCH_LOG__LEVEL=debug` |
| list | comma-separated, or in JSON: `JOBWATCH_RECEIVERS__OPS__WANTS__TYPES=problems,job.succeeded` |
| mapping, or a whole part | JSON: `JOBWATCH_SOURCES__PROD__LABELS={"team": "data"}`. Variables for single keys in it override it |
| null | `null`, or an empty value, if the key takes null |

```sh
export JOBWATCH_SOURCES__PROD__PROVIDER__KIND=cos-batch
export JOBWATCH_SOURCES__PROD__PROVIDER__REGION=ap-chengdu
export JOBWATCH_SOURCES__PROD__PROVIDER__UIN=100000000001
export JOBWATCH_SOURCES__PROD__PROVIDER__APPID=1250000000
jobwatch check
```

- Keys taken from variables are lower case. If capitals matter, as in `labels`, write the mapping as JSON.
- An unknown `JOBWATCH_` variable is a mistake, because it is probably misspelt. Variables that Kubernetes sets for a service
  (`JOBWATCH_PORT=tcp://…`, `JOBWATCH_SERVICE_HOST`) are ignored with a warning.
- Two variables that name the same key and differ only in case are a mistake.
- The environment of a running process never changes: a new value needs a restart, even for a key that is *live*.

## Secrets

Keys, tokens and URLs that are secret can be in files: `url_file` instead of `url`, and so on. Give one of the two, not both;
only `secrets` and `secret_files`, and `headers` and `header_files`, are added together. Such a file holds only the value, at most
64 KiB; one newline at its end is ignored.

The file is read again whenever its value is used, so a new value needs no reload. While the file cannot be read or its content is
malformed, the last good value stays in use. `check` reads each file once, so that you learn of a wrong path before the file is
needed. No command, log, page or metric shows a secret. [security.md](security.md) says more.

## What is refused

Whatever is not understood is refused, never ignored: an unknown key, a word that the key does not take, a secret that is
malformed for its format, two sources for one account and region, a name in `wants` without a source. All mistakes are reported at
once, each with its key, its line, what would be right, and the key that you probably meant:

```text
sources.prod.full_sweep (jobwatch.yaml:3): unknown key; did you mean `full_sweep_every`?
```

The exit code is 2. A running daemon keeps the configuration that it has ([reload.md](reload.md)). If something is allowed but
probably not meant, such as a Slack URL under another format, `jobwatch check` warns of it, and the log has
`configuration.doubted`.

Commands that only read the store need `store` and the accounts of the sources. They report a mistake elsewhere and go on. To
send something again, the receivers' `format` and `give_up_after` have to be right as well.

*Not yet active* means that only the default is accepted; any other value is refused until a later version supports it.

## Editors

`jobwatch schema` prints the JSON Schema of a configuration, with the descriptions on this page. An editor with the YAML language
server, such as VS Code with the YAML extension, completes keys, shows their meaning and underlines mistakes when the first
line of the file names the schema:

```yaml
# yaml-language-server: $schema=./jobwatch.schema.json
sources:
  prod:
    every: 1m
    provider: {kind: cos-batch, region: ap-chengdu, uin: "100000000001", appid: "1250000000"}
```

```sh
jobwatch schema > jobwatch.schema.json
```

The schema checks each key by itself. Only `jobwatch check` can check what depends on several keys, or on a file.
"""

EXAMPLES = """\
## Examples

### Several accounts in one file

What they share is written once, behind an anchor.

```yaml
x-batch: &batch
  kind: cos-batch
  region: ap-chengdu
sources:
  shop:
    labels: {team: shop}
    provider: {<<: *batch, uin: "100000000001", appid: "1250000001"}
  films:
    labels: {team: media}
    every: 5m
    provider: {<<: *batch, uin: "100000000002", appid: "1250000002"}
  films_archive:
    provider: {kind: cas, region: ap-guangzhou, uid: "100000000002", vaults: ["films_*"]}
```

Sources without keys of their own all use those of the environment, which belong to one account. Give each its own, as below.

### Secrets in files

```yml
sources:
  prod:
    provider:
      kind: cos-batch
      region: ap-chengdu
      uin: "100000000001"
      appid: "1250000000"
      credentials:
        secret_id_file: /run/secrets/secret-id
        secret_key_file: /run/secrets/secret-key
receivers:
  ops:
    url_file: /run/secrets/ops-url
    secret_files: [/run/secrets/ops-key]
    header_files: {Authorization: /run/secrets/ops-authorization}
http:
  read_token_file: /run/secrets/read-token
  operate_token_file: /run/secrets/operate-token
```

### The role of a pod in TKE

No keys are written down anywhere: the pod's service account is bound to a role.

```yaml
sources:
  prod:
    provider:
      kind: cos-batch
      region: ap-chengdu
      uin: "100000000001"
      appid: "1250000000"
      credentials: {use: tke-oidc}
```

### A chat that is told little, and a program that is told everything

```yaml
receivers:
  chat:
    format: wecom
    url: https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=xxx
    wants:
      types: [problems]
      except: {descriptions: ["test *"]}
      failed_ratio_at_least: 0.01
    digest: {first: 3, every: 5m}
    language: zh
    timezone: Asia/Shanghai
    mention: {types: [job.failed], mobiles: ["13800000000"]}
  pipeline:
    url: https://hooks.example.com/jobs
    secrets: ["whsec_…"]
    wants: {types: ["*"]}
```

### Behind a proxy, in your own network

```yaml
egress:
  proxy: http://proxy.example.com:3128
  guard: public_only
  allow_cidrs: ["10.20.0.0/16"]
```

### Other rules for one source

```yaml
rules:
  overdue_after: 24h
sources:
  prod:
    rules: {stalled_after: 2h, overdue_after: null}
    provider: {kind: cos-batch, region: ap-chengdu, uin: "100000000001", appid: "1250000000"}
```
"""

KEYS = """\
## Keys

Below each key is what it takes and its default; then its variable, and what happens to a change while jobwatch runs. *live*: a
[reload](reload.md) applies it. *restart*: it is refused until jobwatch is started again. For a file that is read again by itself,
this is about a change of its path.
"""

SAID = {
    "The installation": "",
    "Sources": "[detection.md](detection.md) says what watching costs and how late it is, [sizing.md](sizing.md) what to set when "
    "there are many jobs or sources. A change applies from the next step on, in the middle of a sweep.",
    "Provider cos-batch": "Jobs of COS Batch Operation, of one account in one region. After a change, a sweep under way "
    "is cut short and made again. [permissions.md](permissions.md) has the permissions that it needs.",
    "Provider cas": "Jobs of Cloud Archive Storage, of one account in one region, vault by vault. After a change, a sweep "
    "under way is cut short and made again. [permissions.md](permissions.md) has the permissions that it needs.",
    "Credentials": "The keys of a source, for either kind of provider. The first place that has something is used: if what it has is "
    "wrong, jobwatch does not go on to the next place, because that would act under another identity.",
    "Receivers": "The page for each format has the steps to set it up: "
    "[standard](receivers/standard.md), [slack](receivers/slack.md), [wecom](receivers/wecom.md), "
    "[dingtalk](receivers/dingtalk.md), [feishu](receivers/feishu.md), [teams](receivers/teams.md), "
    "[pagerduty](receivers/pagerduty.md), [template](receivers/template.md). [delivery.md](delivery.md) says when a "
    "delivery is tried again, and what holds it up. A change applies from the next message on, also to what already waits.",
    "What a receiver wants": "[events.md](events.md) has the types and groups. A receiver that was told that a condition opened is told that "
    "it closed, whatever it wants. Filters on jobs do not hide what happens to their source.",
    "Digests": "Chats get a flood of events as a few messages: [delivery.md](delivery.md#digests).",
    "Whom a message calls": "Whom a message in a chat mentions. [The page of each format](receivers/index.md) says whom it can mention.",
    "Rules": "There the keys are below `sources.NAME.rules`: `JOBWATCH_SOURCES__NAME__RULES__STALLED_AFTER`. "
    "Only time in which jobwatch was watching counts, and rules apply to fresh data only. Null switches a rule off and closes "
    "its open conditions. [events.md](events.md#conditions) says what is told when a condition opens, lasts and closes.",
    "Egress": "[egress.md](egress.md) explains the guard. It applies to receivers and the heartbeat; the proxy and the "
    "certificates apply to the cloud as well. After a change, new connections are made; requests under way end on the old ones.",
    "Store": "[store.md](store.md) has backup, size, and what to do when something is wrong.",
    "Retention": "What is older is removed every hour. [store.md](store.md#size) says what each takes on disk.",
    "HTTP": "[http.md](http.md) says which paths there are, who may do what, and how to run it behind a proxy.",
    "Metrics": "[metrics.md](metrics.md) has every metric.",
    "Log": "[logs.md](logs.md) has every line.",
    "Heartbeat": "When it stops, that is the alarm: [delivery.md](delivery.md#heartbeat).",
}
"""What stands above the keys of each block, after what the settings say of it."""
