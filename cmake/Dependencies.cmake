# Every outside library, found once. All are Debian 12 packages; `./run` installs them.
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(Protobuf REQUIRED)      # before gRPC: Debian ships no Protobuf config file
find_package(gRPC CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(fmt CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(tomlplusplus CONFIG REQUIRED)
find_package(GTest CONFIG REQUIRED)
find_package(benchmark CONFIG QUIET)
find_package(rapidcheck CONFIG QUIET)

# gRPC and what it stands on are fifty small libraries: a program that holds them starts in two thirds of the time and
# runs on a node that has none of them (docs/decisions/0033). OpenSSL stays shared. A sanitizer knows code that it did
# not compile by its library, so there they stay shared, too.
function(dure_hold_grpc)
  get_property(targets DIRECTORY PROPERTY IMPORTED_TARGETS)
  foreach(target IN LISTS targets)
    if(target MATCHES "^(gRPC|absl)::")
      get_target_property(shared ${target} IMPORTED_LOCATION_NONE)
      string(REGEX REPLACE "\\.so[.0-9]*$" ".a" archive "${shared}")
      if(NOT archive STREQUAL shared AND EXISTS "${archive}")
        set_target_properties(${target} PROPERTIES IMPORTED_LOCATION_NONE "${archive}")
      endif()
    endif()
  endforeach()
  string(REGEX REPLACE "\\.so[.0-9]*$" ".a" archive "${Protobuf_LIBRARY_RELEASE}")
  if(EXISTS "${archive}")
    set_target_properties(protobuf::libprotobuf PROPERTIES IMPORTED_LOCATION_RELEASE "${archive}"
      IMPORTED_LOCATION "${archive}")
  endif()
endfunction()
if(NOT DURE_SANITIZE)
  dure_hold_grpc()
endif()

# Debian's own oneDNN config demands OpenCL, which nothing here uses.
find_library(DNNL_LIBRARY dnnl REQUIRED)
find_path(DNNL_INCLUDE_DIR oneapi/dnnl/dnnl.h REQUIRED)
add_library(dure_dnnl INTERFACE)
target_include_directories(dure_dnnl SYSTEM INTERFACE ${DNNL_INCLUDE_DIR})
target_link_libraries(dure_dnnl INTERFACE ${DNNL_LIBRARY})
