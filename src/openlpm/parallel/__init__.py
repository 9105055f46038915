"""Device meshes, sharding and compilation: functions applied to a model from outside."""
