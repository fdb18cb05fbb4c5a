from tfds_stand_ins import prepared, stand_ins  # noqa: F401
