# How things are compiled: speed-ups when present, warnings always, sanitizers on request.
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

find_program(DURE_CCACHE ccache)
if(DURE_CCACHE)
  # The same tree in another folder is the same to it.
  set(launcher env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${DURE_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()
find_program(DURE_MOLD mold)
if(DURE_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# -g1 keeps stack traces and costs little; assertions of ours are DURE_CHECK and stay on in every build.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
# g++ collects its own garbage less often: a sixth less time, 0.2 GB more per compiler.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:--param=ggc-min-expand=300>"
                      "$<$<COMPILE_LANGUAGE:CXX>:--param=ggc-min-heapsize=1000000>")
endif()

set(DURE_TOGETHER 16 CACHE STRING "Files that are compiled at a time; 1: each alone, quicker after a change to one")
if(DURE_TOGETHER GREATER 1)
  # To the compiler every one of these files is a header, whose names in no namespace look shared.
  set(DURE_TOGETHER_OPTIONS -Wno-subobject-linkage)
endif()
option(DURE_FUZZ "Build libFuzzer targets (needs clang)" OFF)
set(DURE_SANITIZE "" CACHE STRING "address,undefined or thread")
set(DURE_SLOWER 1)  # times as long as a test may take
if(DURE_SANITIZE)
  set(DURE_SLOWER 5)
  set(CMAKE_CXX_FLAGS_RELEASE "-O1 -g1")
  add_compile_options(-fsanitize=${DURE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${DURE_SANITIZE})
endif()

add_library(dure_warnings INTERFACE)
target_compile_options(dure_warnings INTERFACE
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual -Werror=return-type
  -Werror=switch -ffp-contract=off)
