"""Apache Kafka that lets in only whom it knows, and them only to what they may.

Listeners: SASL (SASL_SSL, PLAIN and SCRAM-SHA-512), OPEN_SASL (the same without TLS), MUTUAL (SSL that asks
for a client's certificate), and PLAINTEXT, on which the tests are the administrator.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from pipeline.security import Mechanism
from tests.administrator import administrator
from tests.apache_kafka import ApacheKafka, had
from tests.certificates import Authority

PASSWORD = 'never "to be" \\seen'  # noqa: S105 - a test's own, as awkward as they come
MODULE = "org.apache.kafka.common.security"
LISTENERS = {"SASL": "SASL_SSL", "OPEN_SASL": "SASL_PLAINTEXT", "MUTUAL": "SSL"}
USERS = ("alice", "ungrouped", "stranger")
Right = tuple[ResourceType, str, ACLOperation]


class SecuredKafka:
    """`addresses` has the bootstrap servers of each listener, `authority` signs for all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority(folder)
        certificate, key = self.authority.sign("broker")
        keystore = folder / "keystore.pem"
        keystore.write_bytes(key.read_bytes() + certificate.read_bytes())
        self.cluster = ApacheKafka(
            folder / "kafka", listeners=LISTENERS, properties=guarded(keystore, self.authority.file)
        )
        self.addresses = self.cluster.addresses

    def env(self, mechanism: Mechanism, user: str = "alice") -> dict[str, str]:
        """Settings with which a user comes in over TLS."""
        return {
            "FIRSTHAND_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "FIRSTHAND_KAFKA_CA_FILE": str(self.authority.file),
            "FIRSTHAND_KAFKA_SASL_MECHANISM": mechanism,
            "FIRSTHAND_KAFKA_USERNAME": user,
            "FIRSTHAND_KAFKA_PASSWORD": PASSWORD,
        }

    def know(self, *users: str) -> None:
        """Let users in by SCRAM-SHA-512."""
        with administrator(self.addresses["PLAINTEXT"]) as admin:
            for user in users:
                new = UserScramCredentialUpsertion(user, ScramMechanism.SCRAM_SHA_512, PASSWORD)
                assert admin.alter_user_scram_credentials([new]) == {user: None}

    def allow(self, user: str, *rights: Right) -> None:
        """Let a user do something to whatever has a name that begins so."""
        with administrator(self.addresses["PLAINTEXT"]) as admin:
            assert not admin.create_acls([acl(user, *right) for right in rights])["failed"]

    def forbid(self, user: str, *rights: Right) -> None:
        """Take back what was allowed."""
        with administrator(self.addresses["PLAINTEXT"]) as admin:
            admin.delete_acls([acl(user, *right) for right in rights])


@contextmanager
def secured_kafka(folder: Path) -> Iterator[SecuredKafka]:
    """A cluster that knows USERS, none of whom may do anything yet."""
    made: list[SecuredKafka] = []

    def make() -> ApacheKafka:
        made.append(SecuredKafka(folder))
        return made[0].cluster

    with had(make):
        made[0].know(*USERS)
        yield made[0]


def acl(user: str, kind: ResourceType, prefix: str, operation: ACLOperation) -> ACL:
    pattern = ResourcePattern(kind, prefix, ACLResourcePatternType.PREFIXED)
    return ACL(f"User:{user}", "*", operation, ACLPermissionType.ALLOW, pattern)


def guarded(keystore: Path, authority: Path) -> dict[str, str]:
    """The part of server.properties that locks the doors."""
    quoted = PASSWORD.replace("\\", "\\\\").replace('"', '\\"')
    known = " ".join(f'user_{user}="{quoted}"' for user in USERS)
    plain = f"{MODULE}.plain.PlainLoginModule required {known};".replace("\\", "\\\\")  # a .properties file
    listeners = [f"listener.name.{name.lower()}" for name in ("SASL", "OPEN_SASL")]
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(keystore),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority),
        "listener.name.mutual.ssl.client.auth": "required",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        **{f"{each}.plain.sasl.jaas.config": plain for each in listeners},
        **{
            f"{each}.scram-sha-512.sasl.jaas.config": f"{MODULE}.scram.ScramLoginModule required;"
            for each in listeners
        },
    }
