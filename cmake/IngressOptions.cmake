# What is built, and how every target of the project is compiled.

option(INGRESS_BUILD_PROXYD "Build the daemon" ${PROJECT_IS_TOP_LEVEL})
option(INGRESS_BUILD_EXAMPLES "Build the examples" ${PROJECT_IS_TOP_LEVEL})
option(INGRESS_BUILD_TESTS "Build the tests" ${PROJECT_IS_TOP_LEVEL})
option(INGRESS_BUILD_BENCH "Build the micro benchmarks" OFF)
option(INGRESS_BUILD_FUZZ "Build the libFuzzer targets (clang only)" OFF)
option(INGRESS_WERROR "Treat warnings as errors" OFF)
set(INGRESS_SANITIZE "" CACHE STRING "Value for -fsanitize=, for example address,undefined")

set(INGRESS_PGO "" CACHE STRING "generate: programs note what they do; use: compile by what they noted (g++, scripts/pgo.sh)")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release)
endif()
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

find_program(INGRESS_CCACHE ccache)
if(INGRESS_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER "${INGRESS_CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${INGRESS_CCACHE}")
endif()

# Flags of our own code; carried by every target that ingress_module() and friends make.
add_library(ingress_flags INTERFACE)
target_compile_options(ingress_flags INTERFACE -Wall -Wextra -Wshadow -Wno-missing-field-initializers)
# g++ 12 sees overlapping copies in every `"literal" + std::string` (GCC bug 105651).
target_compile_options(ingress_flags INTERFACE
  "$<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>")
# Calls into shared libraries straight through their table: one jump less each, thirty in a request.
target_compile_options(ingress_flags INTERFACE -fno-plt)
if(INGRESS_WERROR)
  target_compile_options(ingress_flags INTERFACE -Werror)
endif()
if(INGRESS_PGO STREQUAL "generate")
  add_compile_options(-fprofile-generate -fprofile-update=prefer-atomic)
  add_link_options(-fprofile-generate)
elseif(INGRESS_PGO STREQUAL "use")
  # What was never run is optimised as usual, not for size.
  add_compile_options(-fprofile-use -fprofile-partial-training -Wno-missing-profile)
endif()
if(INGRESS_SANITIZE)
  add_compile_options(-fsanitize=${INGRESS_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${INGRESS_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    set(INGRESS_SANITIZED_BY_CLANG ON)
    include(PrecompiledHeader)
  endif()
endif()
