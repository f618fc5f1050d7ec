"""Good manners on a cluster that is not ours: what a test run made there is taken away again."""

from tests.administrator import administrator


def forget(bootstrap: str, mark: str) -> None:
    """Delete the topics and the consumer groups whose names bear `mark`."""
    with administrator(bootstrap) as admin:
        if topics := [name for name in admin.list_topics() if mark in name]:
            admin.delete_topics(topics)
        groups = [each["group_id"] for each in admin.list_groups() if mark in each["group_id"]]
        if groups:
            admin.delete_groups(groups)
