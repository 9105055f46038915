"""From raw videos to training shards: stages that turn records into records, and the runner that never loses one."""
