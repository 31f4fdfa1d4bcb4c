# BoringSSL as imported targets boringssl::crypto and boringssl::ssl (static, hidden symbols), from a tree that all
# build trees share: scripts/boringssl.sh makes it, or brings it up to date, when there is no other.
set(BORINGSSL_ROOT "" CACHE PATH "A ready-built BoringSSL with include/ and lib/; empty: build/boringssl, which is made")
if(NOT BORINGSSL_ROOT AND DEFINED ENV{BORINGSSL_ROOT})
  # Kept, as the build configures anew when it has to, from another environment.
  set_property(CACHE BORINGSSL_ROOT PROPERTY VALUE "$ENV{BORINGSSL_ROOT}")
endif()

set(boringssl_root "${BORINGSSL_ROOT}")
if(NOT boringssl_root)
  set(boringssl_root "${PROJECT_SOURCE_DIR}/build/boringssl")
  execute_process(COMMAND "${CMAKE_COMMAND}" -E env --unset=BORINGSSL_ROOT
    "${PROJECT_SOURCE_DIR}/scripts/boringssl.sh" RESULT_VARIABLE boringssl_result)
  if(NOT boringssl_result EQUAL 0)
    message(FATAL_ERROR "BoringSSL could not be built; why is said above. It needs cargo, which brings its source "
      "(apt-get install cargo-web), and ninja. Or name a built tree: -DBORINGSSL_ROOT=FOLDER")
  endif()
endif()

# Nothing found is kept in the cache: another root is looked at anew.
find_path(boringssl_include openssl/base.h PATHS "${boringssl_root}/include" NO_DEFAULT_PATH NO_CACHE)
foreach(library crypto ssl)
  find_library(boringssl_${library} NAMES "lib${library}.a" PATHS "${boringssl_root}"
    PATH_SUFFIXES lib lib64 build build/${library} NO_DEFAULT_PATH NO_CACHE)
  if(NOT boringssl_include OR NOT boringssl_${library})
    message(FATAL_ERROR "No BoringSSL in ${boringssl_root}: include/openssl/base.h and lib/lib${library}.a are needed")
  endif()
  add_library(boringssl::${library} STATIC IMPORTED GLOBAL)
  # Imported targets give their headers as SYSTEM includes, and only to those who link them.
  set_target_properties(boringssl::${library} PROPERTIES
    IMPORTED_LOCATION "${boringssl_${library}}"
    IMPORTED_LINK_INTERFACE_LANGUAGES CXX
    INTERFACE_INCLUDE_DIRECTORIES "${boringssl_include}")
endforeach()
file(STRINGS "${boringssl_include}/openssl/base.h" boringssl_mark REGEX "define OPENSSL_IS_BORINGSSL")
if(NOT boringssl_mark)
  message(FATAL_ERROR "${boringssl_root} holds another library than BoringSSL")
endif()
set_property(TARGET boringssl::crypto PROPERTY INTERFACE_LINK_LIBRARIES Threads::Threads)
set_property(TARGET boringssl::ssl PROPERTY INTERFACE_LINK_LIBRARIES boringssl::crypto)
# A new release in third_party/boringssl is built by the next build, without a word to CMake.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  "${PROJECT_SOURCE_DIR}/third_party/boringssl/Cargo.lock" "${PROJECT_SOURCE_DIR}/scripts/boringssl.sh")
