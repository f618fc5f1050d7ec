"""Which topics are batched: their agents receive whole `RecordBatch`es, all others single records."""

from typing import Any

import faust

BATCHED: set[str] = set()
"""Names of the batched topics in this process: aiokafka makes its unpackers itself, by class alone."""


class BatchSchema(faust.Schema[Any, Any]):
    """Marks a topic as batched. Decoding the values is the agent's business."""

    def loads_key(self, app: Any, message: Any, **_options: Any) -> Any:  # noqa: ARG002 - Faust's signature
        """Give a batch no key: each of its records has one."""
        return None

    def loads_value(self, app: Any, message: Any, **_options: Any) -> Any:  # noqa: ARG002 - likewise
        """Hand the batch on as it is."""
        return message.value
