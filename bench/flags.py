"""Names of flags that more than one module must know: each bars an `ok` record from rankings."""

OTHER_SETTING = "other_setting"  # state, or threads, that are not what the case asks for
