"""What docs/configuration.md says besides the keys themselves: its beginning, words on each block, its examples."""

HEAD = """\
<!-- Made from the settings: `.venv/bin/python -m tests.documents.configuration_page > docs/configuration.md`. A test compares. -->

# Configuration

Every key, its default and the reason for it. A key that is left out has its default, so write only what differs: one source is
enough to begin with, as in [jobwatch.minimal.yaml](../config/jobwatch.minimal.yaml).
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

One YAML file, and the environment on top of it. The file is the first of these:

1. `--config FILE`
2. the file that `JOBWATCH_CONFIG` names
3. `./jobwatch.yaml`
4. `/etc/jobwatch/jobwatch.yaml`

A file that is named has to exist. No file is needed when the environment says enough.

```sh
jobwatch check                          # what holds, and who is told what
jobwatch check --config jobwatch.yaml   # the same of this file
jobwatch check --online                 # besides, call every source once
```

`check` shows the whole configuration with its defaults; secrets are shown as `***`. The daemon takes up a changed file while it
runs: [reload.md](reload.md).

## The file

- **Durations** are one whole number and one unit (`ms`, `s`, `m`, `h` or `d`): `500ms`, `30s`, `5m`, `2h`, `90d`. A plain
  number is refused.
- **Names** of sources and receivers are lower-case letters, digits and single underscores, begin with a letter and have at most
  63 characters, because they become metric labels, log keys and variables. Below, `NAME` stands for yours.
- **`null`**, where a key takes it, means none, or that a rule is switched off. It is not the same as leaving the key out.
- **Relative paths** are relative to the file, or to the working directory where there is no file.
- **Globs** match the whole text and distinguish upper and lower case: `*`, `?`, `[abc]`.
- **Anchors**, aliases and merge keys (`<<`) work. Top-level keys that begin with `x-` are ignored: a place for anchors.
- **Plain words stay words.** `on`, `off`, `yes` and `no` are texts, and so are dates and `1:30`; `true` and `false` are the only
  booleans. `0123` keeps its zero. Identifiers such as `uin` may be written as numbers.
- A key that is written twice is a mistake. The file is one YAML document, at most 1 MiB, in UTF-8.

## The environment

Every key is also a variable, which wins over the file: `JOBWATCH_`, then the path in capitals with `__` between keys.

| value | is written |
| --- | --- |
| text, number, `true`, duration | as it is: `JOBWATCH_LOG__LEVEL=debug` |
| list | comma-separated, or in JSON: `JOBWATCH_RECEIVERS__OPS__WANTS__TYPES=problems,job.succeeded` |
| mapping, or a whole part | JSON: `JOBWATCH_SOURCES__PROD__LABELS={"team": "data"}`. Variables of single keys in it win |
| null | `null`, or nothing at all, where the key takes null |

```sh
export JOBWATCH_SOURCES__PROD__PROVIDER__KIND=cos-batch
export JOBWATCH_SOURCES__PROD__PROVIDER__REGION=ap-chengdu
export JOBWATCH_SOURCES__PROD__PROVIDER__UIN=100000000001
export JOBWATCH_SOURCES__PROD__PROVIDER__APPID=1250000000
jobwatch check
```

- Keys from variables are lower case. Where capitals matter, as in `labels`, write the mapping as JSON.
- An unknown `JOBWATCH_` variable is a mistake, because most of these are misspelt. Variables that Kubernetes sets for a service
  (`JOBWATCH_PORT=tcp://…`, `JOBWATCH_SERVICE_HOST`) are ignored with a warning.
- Two variables that name the same key and differ only in case are a mistake.
- The environment of a running process never changes: a new value needs a restart, `live` or not.

## Secrets

Keys, tokens and URLs that are secret can be in files: `url_file` instead of `url`, and so on. Such a file holds only the value,
at most 64 KiB; one newline at its end does not count. Give one of the two. `secrets` and `secret_files` add up, and so do
`headers` and `header_files`.

The file is read again whenever it is used. A new value is in force from then on, without a reload; while the file cannot be read
or its content is malformed, the last good value stays. `check` reads each file once, so that you hear of a wrong path before the
file is needed. No command, log, page or metric shows a secret. [security.md](security.md) says more.

## What is refused

Whatever is not understood is refused, never ignored: an unknown key, a word that the key does not take, a secret that is
malformed for its format, two sources for one account and region, a name in `wants` that is no source. All mistakes are told at
once, each with its key, its line, what would be right, and the key that you probably meant:

```text
sources.prod.full_sweep (jobwatch.yaml:3): unknown key; did you mean `full_sweep_every`?
```

The exit code is 2. A running daemon keeps the configuration that it has ([reload.md](reload.md)). What is allowed but
probably not meant, such as a Slack URL under another format, is a warning of `jobwatch check` and `configuration.doubted` in
the log.

Commands that only look into the store need `store` and the accounts of the sources. They tell a mistake elsewhere and go on. To
send something again, the receivers, their `format` and `give_up_after` have to be right as well.

*Not yet active* means that only the default is accepted; any other value is refused until a later version supports it.

## Editors

`jobwatch schema` prints the JSON Schema of a configuration, with what this page says of every key. An editor with the YAML language
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

The schema checks each key by itself. What depends on several keys, or on a file, only `jobwatch check` can tell.
"""

EXAMPLES = """\
## Examples

### Several accounts in one file

What they share stands once, behind an anchor.

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

Sources without keys of their own all take those of the environment, which belong to one account. Give each its own, as below.

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

No key anywhere: the pod's service account is bound to a role.

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

### A chat that is told little, and a program that is told all

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

### Behind a proxy, in a network of one's own

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

Below each key stand what it takes and its default, and then its variable and what becomes of a change while jobwatch runs: *live*
is taken up by a [reload](reload.md), *restart* is refused until jobwatch is started again. Of a file that is read again when it
changes, a change is one of its path.
"""

SAID = {
    "The installation": "",
    "Sources": "[detection.md](detection.md) says what watching costs and how late it is, [sizing.md](sizing.md) what to set when "
    "there is much of it. A change is live from the next step on, in the middle of a sweep.",
    "Provider cos-batch": "Jobs of COS Batch Operation, of one account in one region. A change makes a new client; a sweep under way "
    "is cut short and made again. [permissions.md](permissions.md) says what the account has to allow.",
    "Provider cas": "Jobs of Cloud Archive Storage, of one account in one region, vault by vault. A change makes a new client; a sweep "
    "under way is cut short and made again. [permissions.md](permissions.md) says what the account has to allow.",
    "Credentials": "Of either kind of provider, and of each source by itself. The first place where there is something is kept to: "
    "one that is broken is never passed over for the next, which would act under another identity.",
    "Receivers": "[One page for each format](receivers/index.md) has the steps: "
    "[standard](receivers/standard.md), [slack](receivers/slack.md), [wecom](receivers/wecom.md), "
    "[dingtalk](receivers/dingtalk.md), [feishu](receivers/feishu.md), [teams](receivers/teams.md), "
    "[pagerduty](receivers/pagerduty.md), [template](receivers/template.md). [delivery.md](delivery.md) says when it is tried "
    "again, and what holds it up. A change is live from the next message on, also for what waits already.",
    "What a receiver wants": "[events.md](events.md) has the types and groups. Whoever was told that a condition opened is told that "
    "it closed, whatever it wants. Words on jobs do not hide what happens to their source.",
    "Digests": "Chats get a flood as a few messages: [delivery.md](delivery.md#digests).",
    "Whom a message calls": "Which chat can call whom says [the page of its format](receivers/index.md).",
    "Rules": "There it stands below `sources.NAME.rules`: `JOBWATCH_SOURCES__NAME__RULES__STALLED_AFTER`. "
    "Only time counts in which jobwatch watched, and a rule speaks on fresh data alone. Null switches a rule off, and what "
    "is open by it is closed. [events.md](events.md) says what is told when a rule begins to hold, still holds, and holds no more.",
    "Egress": "What may be reached says [egress.md](egress.md). The guard holds for receivers and the heartbeat, the proxy and "
    "the certificates for the cloud as well. A change makes new connections; requests under way end on the old ones.",
    "Store": "[store.md](store.md) has backup, size, and what to do when something is wrong.",
    "Retention": "It is pruned every hour. [store.md](store.md#size) says what each costs on disk.",
    "HTTP": "[http.md](http.md) has the paths, who may do what, and proxies.",
    "Metrics": "[metrics.md](metrics.md) has every metric.",
    "Log": "[logs.md](logs.md) has every line.",
    "Heartbeat": "Its silence is the alarm: [delivery.md](delivery.md#heartbeat).",
}
"""What stands above the keys of each block, after what the settings say of it."""
