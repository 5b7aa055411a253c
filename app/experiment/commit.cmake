# Writes commit.h with the checkout's commit; touches it only when that changes, so that nothing is
# compiled again for nothing. Run at each build with -DSOURCE=… -DHEADER=….
cmake_minimum_required(VERSION 3.24)
execute_process(COMMAND git -C ${SOURCE} rev-parse --short=12 HEAD
                OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
execute_process(COMMAND git -C ${SOURCE} status --porcelain --untracked-files=no
                OUTPUT_VARIABLE changes ERROR_QUIET)
if(NOT commit)
    set(commit unknown)
elseif(changes)
    string(APPEND commit "+")
endif()
file(CONFIGURE OUTPUT ${HEADER} CONTENT "#define SWEETSPOT_COMMIT \"@commit@\"\n" @ONLY)
