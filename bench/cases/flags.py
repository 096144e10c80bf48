"""Names of flags that more than one module must know: each bars an `ok` record from rankings."""

OTHER_SETTING = "other_setting"  # state, or threads, that are not what the case asks for
LAUNCH_GAPS = "launch_gaps"  # a device's times hold what the host was late by
