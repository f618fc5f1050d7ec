"""All settings, read once at the command line from FIRSTHAND_* variables and handed down."""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, PositiveInt, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.address import LOOPBACK
from pipeline.errors import InputError
from pipeline.live_sql.limits import Limits
from pipeline.mirror.plan import Plan, length, steps
from pipeline.security import Mechanism, Protocol, Security
from pipeline.spans import microseconds

KEY_COLUMNS = ("customer_id", "channel", "reason", "team", "segment", "stage")


@dataclass(frozen=True)
class Definitions:
    """What the numbers of a database mean; kept in it, so that it is never read under others.

    `follow_up_us`: the follow-up F of first-contact resolution, microseconds. `follow_up_key`: the
    columns that make two contacts be about the same thing. `service_level_ms`: answered in time.
    """

    follow_up_us: int = 7 * 24 * 3600 * 1_000_000
    follow_up_key: tuple[str, ...] = ("customer_id", "reason")
    service_level_ms: int = 20_000


def _key(text: str) -> str:
    columns = text.split(",")
    if (
        columns[0] != "customer_id"
        or len(set(columns)) != len(columns)
        or not set(columns) <= set(KEY_COLUMNS)
    ):
        raise ValueError(f"write customer_id and what else tells matters apart, of {','.join(KEY_COLUMNS)}")
    return text


def _read_by(parse: Callable[[str], object]) -> AfterValidator:
    """A text that `parse` can read."""

    def check(text: str) -> str:
        try:
            parse(text)
        except InputError as error:
            raise ValueError(str(error)) from error
        return text

    return AfterValidator(check)


def _address(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except ValueError as error:
        raise ValueError("write an IPv4 address of this machine, or 0.0.0.0 for all that it has") from error


def _dimensions(text: str) -> str:
    from pipeline.sums import DIMENSIONS  # noqa: PLC0415 - it needs DuckDB, and `--help` has no time for it

    if not set(text.split(",")) <= set(DIMENSIONS):
        raise ValueError(f"write what /metrics has readings by, of {','.join(DIMENSIONS)}")
    return text


class Settings(BaseSettings):
    """The program's settings; each is an environment variable FIRSTHAND_<NAME>.

    >>> Settings(follow_up="14d").definitions.follow_up_us // 86_400_000_000
    14
    """

    model_config = SettingsConfigDict(env_prefix="FIRSTHAND_", frozen=True, extra="forbid")

    topic: str = "touchpoints"
    dlq_topic: str = "touchpoints-dlq"
    alerts_topic: str = "alerts"
    group: str = "firsthand"
    partitions: PositiveInt = 4
    follow_up: Annotated[str, _read_by(microseconds)] = "7d"
    follow_up_key: Annotated[str, AfterValidator(_key)] = "customer_id,reason"
    service_level_seconds: Annotated[float, Field(ge=0, le=86_400)] = 20
    max_records: PositiveInt = 90_000
    rejection_limit: Annotated[float, Field(ge=0, le=1)] = 0.5
    rejection_window: PositiveInt = 10_000
    memory_limit: str = "300MB"
    threads: PositiveInt = 1
    host: Annotated[str, AfterValidator(_address)] = LOOPBACK
    sql_port: Annotated[int, Field(ge=0, le=65_535)] | None = None
    sql_seconds: Annotated[float, Field(gt=0, le=3_600)] = 30
    sql_rows: PositiveInt = 1_000_000
    sql_megabytes: Annotated[int, Field(ge=1, le=4_096)] = 64
    snapshot_seconds: Annotated[float, Field(ge=0)] = 60
    rules: Path | None = None
    metrics_by: Annotated[str, AfterValidator(_dimensions)] = "all,channel,reason"
    mirror: SecretStr | None = None
    mirror_schema: Annotated[str, Field(pattern="^[a-z_][a-z0-9_]{0,62}$")] = "firsthand"
    mirror_history: Annotated[str, _read_by(steps)] = "15m=5m,1h=15m,24h=1h,7d=6h,28d=1d"
    mirror_keep: Annotated[str, _read_by(microseconds)] = "90d"
    kafka_security_protocol: Protocol = "PLAINTEXT"
    kafka_ca_file: Path | None = None
    kafka_certificate_file: Path | None = None
    kafka_key_file: Path | None = None
    kafka_key_password: SecretStr | None = None
    kafka_sasl_mechanism: Mechanism | None = None
    kafka_username: str | None = None
    kafka_password: SecretStr | None = None

    @property
    def mirrored(self) -> Plan:
        """What a mirror is to keep, if there is one."""
        return Plan(self.mirror_schema, steps(self.mirror_history), length(self.mirror_keep))

    @property
    def scraped_by(self) -> tuple[str, ...]:
        """The dimensions whose readings /metrics has."""
        return tuple(dict.fromkeys(self.metrics_by.split(",")))

    @property
    def security(self) -> Security:
        """How to be let in by Kafka; InputError where the settings for it contradict one another."""
        return Security(
            protocol=self.kafka_security_protocol,
            ca_file=self.kafka_ca_file,
            certificate_file=self.kafka_certificate_file,
            key_file=self.kafka_key_file,
            key_password=self.kafka_key_password,
            mechanism=self.kafka_sasl_mechanism,
            username=self.kafka_username,
            password=self.kafka_password,
        )

    @property
    def limits(self) -> Limits:
        """How much a reader may ask for."""
        return Limits(seconds=self.sql_seconds, rows=self.sql_rows, megabytes=self.sql_megabytes)

    @property
    def definitions(self) -> Definitions:
        """The part of the settings that decides what the numbers mean."""
        return Definitions(
            follow_up_us=microseconds(self.follow_up),
            follow_up_key=tuple(self.follow_up_key.split(",")),
            service_level_ms=round(self.service_level_seconds * 1000),
        )
