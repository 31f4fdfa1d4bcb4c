# The standard library's headers that nearly every file includes, read once for the C++ files of a sanitized build (clang)
# instead of by each. Plain builds go on without, so that a missing include shows there.
# Made while configuring, with the flags of the files themselves: clang refuses a header that was compiled otherwise.
# What targets add to those (-fPIE, -pthread) is made the same for all. One header for the library at the optimisation of
# the build, one for test programs, which are not optimised (IngressModule.cmake).
set(precompiled_source "${PROJECT_SOURCE_DIR}/cmake/precompiled.h")
separate_arguments(precompiled_flags UNIX_COMMAND "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_DEBUG}")
list(APPEND precompiled_flags -fsanitize=${INGRESS_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all
  -fvisibility=hidden -fvisibility-inlines-hidden -std=c++23 -fPIC -pthread)
# No time stamp: the same input gives the same bytes, which is what ccache goes by.
foreach(kind optimised plain)
  set(optimisation)
  if(kind STREQUAL plain)
    set(optimisation -O0)
  endif()
  execute_process(COMMAND "${CMAKE_CXX_COMPILER}" ${precompiled_flags} ${optimisation} -Xclang -fno-pch-timestamp
    -x c++-header "${precompiled_source}" -o "${PROJECT_BINARY_DIR}/${kind}.pch" COMMAND_ERROR_IS_FATAL ANY)
endforeach()
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${precompiled_source}")
set(is_plain "$<BOOL:$<TARGET_PROPERTY:INGRESS_TEST_PROGRAM>>")
target_compile_options(ingress_flags INTERFACE
  "$<$<COMPILE_LANGUAGE:CXX>:-fPIC;-pthread>"
  "$<$<AND:$<COMPILE_LANGUAGE:CXX>,${is_plain}>:SHELL:-O0 -include-pch ${PROJECT_BINARY_DIR}/plain.pch>"
  "$<$<AND:$<COMPILE_LANGUAGE:CXX>,$<NOT:${is_plain}>>:SHELL:-include-pch ${PROJECT_BINARY_DIR}/optimised.pch>")
if(INGRESS_CCACHE AND CMAKE_CXX_COMPILER_LAUNCHER STREQUAL INGRESS_CCACHE)
  # ccache(1), "Precompiled headers".
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env CCACHE_SLOPPINESS=pch_defines,time_macros "${INGRESS_CCACHE}")
endif()
