# One function per kind of target, so that a module's CMakeLists.txt says only what is its own.

# ingress_module(<name> SOURCES ... [DEPS modules...] [LIBS third-party targets...])
# A module is a static library; tests link only the module under test, so that a dependency which is not
# declared here fails to link.
function(ingress_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  add_library(ingress_${name} STATIC ${ARG_SOURCES})
  target_include_directories(ingress_${name} PUBLIC
    "${PROJECT_SOURCE_DIR}/libingress/include" "${PROJECT_SOURCE_DIR}/libingress/src"
    "${PROJECT_SOURCE_DIR}/libingress")
  list(TRANSFORM ARG_DEPS PREPEND ingress_)
  target_link_libraries(ingress_${name} PUBLIC ${ARG_DEPS} PRIVATE ingress_flags ${ARG_LIBS})
  # What runs for each request gains by it (docs/performance.md); tests only compile for longer.
  target_compile_options(ingress_${name} PRIVATE $<$<CONFIG:Release>:-O3>)
  # For the shared library, which is linked from the objects of all modules.
  set_target_properties(ingress_${name} PROPERTIES INGRESS_LIBS "${ARG_LIBS}")
endfunction()

# Modules whose code runs on, or is called from, more than one thread: their tests carry the label
# `threads`, run under ThreadSanitizer, and are what the target thread_tests builds.
set(INGRESS_MODULES_WITH_THREADS base net routing proxy proxyd)
add_custom_target(thread_tests)

# ingress_test(<module> SOURCES ... [DEPS more modules...]): one doctest program per module, one ctest entry.
function(ingress_test module)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  set(target ${module}_test)
  add_executable(${target} ${ARG_SOURCES})
  list(TRANSFORM ARG_DEPS PREPEND ingress_)
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(${target} PRIVATE ingress_test_main ingress_${module} ${ARG_DEPS} ${ARG_LIBS} ingress_flags)
  # Under a sanitizer only what is tested is optimised: programs that run for seconds compile for minutes otherwise.
  set_target_properties(${target} PROPERTIES INGRESS_TEST_PROGRAM "${INGRESS_SANITIZED_BY_CLANG}")
  add_test(NAME ${module} COMMAND ${target})
  set(labels unit)
  if(module IN_LIST INGRESS_MODULES_WITH_THREADS)
    list(APPEND labels threads)
    add_dependencies(thread_tests ${target})
  endif()
  set_tests_properties(${module} PROPERTIES TIMEOUT 300 LABELS "${labels}")
endfunction()

# ingress_bench(<name> SOURCES ... DEPS modules...): a Google Benchmark program bench/<name>.
function(ingress_bench name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  list(TRANSFORM ARG_DEPS PREPEND ingress_)
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} benchmark::benchmark benchmark::benchmark_main ingress_flags)
endfunction()
