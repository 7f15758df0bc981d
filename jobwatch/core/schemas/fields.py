"""What `data.detail.fields` holds: what DescribeJob says in one kind of cloud API alone.

Nothing in it is always there: a field is told where the cloud gave it. Other names may come with other APIs.
CAS: https://cloud.tencent.com/document/product/572/8826
"""

from jobwatch.core.schemas.parts import Schema, flag, record, size, text


def provider_fields() -> Schema:
    """The `data.detail.fields` part, by the names that this version knows."""
    about = "What only this kind of API says of a job, each field where the cloud gave it; null for `cos-batch`."
    properties = {**_of_all(), **_of_archives(), **_of_objects(), "inventory": _inventory()}
    return record(about, properties, optional=properties)


def _of_all() -> Schema:
    return {
        "action": text("What the job does, in the cloud's word."),
        "vault_qcs": text("The cloud's full name of the vault."),
        "completed": flag("Whether the cloud calls it completed, which a failed job is, too."),
        "callback_url": text("Whom the cloud tells, without user, query and fragment."),
        "tier": text("How fast it is done: `Expedited`, `Standard` or `Bulk`."),
        "marker": text("From where the listing goes on, in the cloud's words."),
    }


def _of_archives() -> Schema:
    return {
        "archive_id": text("The archive that it is about."),
        "archive_size_bytes": size("How large that archive is, in bytes."),
        "archive_sha256_tree_hash": text("The tree hash of the whole archive."),
        "archive_description": text("What the archive is called."),
        "sha256_tree_hash": text("The tree hash of the part that is fetched."),
        "retrieval_byte_range": text("The part that is fetched: first and last byte."),
        "inventory_size_bytes": size("How large the list of archives is, in bytes."),
    }


def _of_objects() -> Schema:
    condition: Schema = {
        "if_modified_since": text("Changed after this time."),
        "if_unmodified_since": text("Not changed after this time."),
        "if_match": text("Has this ETag."),
        "if_none_match": text("Has another ETag than this."),
    }
    about = "What must hold of the object for it to be copied."
    return {
        "bucket": text("The bucket of the object in COS, by its domain."),
        "object": text("The object in COS: where to for an import, where from for a pull."),
        "range": text("The part of the object that is copied: first and last byte."),
        "condition": record(about, condition, optional=condition),
    }


def _inventory() -> Schema:
    properties: Schema = {
        "format": text("`CSV` or `JSON`."),
        "start_date": text("Archives made after this time."),
        "end_date": text("Archives made before this time."),
        "limit": size("How many archives at most."),
        "marker": text("From which archive on."),
    }
    return record("How the list of archives was asked for.", properties, optional=properties)
