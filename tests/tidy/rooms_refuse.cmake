# Configures small projects that break the rules between rooms; each must be refused, and say why.
#   cmake -DDURE_SOURCE=<repository> -DSCRATCH=<folder> -P rooms_refuse.cmake
cmake_minimum_required(VERSION 3.25)

# Further arguments: empty files of the project.
function(configure name body out_result out_text)
  set(project ${SCRATCH}/${name})
  file(REMOVE_RECURSE ${project})
  file(MAKE_DIRECTORY ${project}/federation)
  foreach(file IN LISTS ARGN)
    file(WRITE ${project}/${file} "")
  endforeach()
  file(WRITE ${project}/CMakeLists.txt "cmake_minimum_required(VERSION 3.25)\nproject(rooms NONE)\n"
    "include(${DURE_SOURCE}/cmake/Rooms.cmake)\ndure_room(federation LAYER 0)\n${body}\n")
  execute_process(COMMAND ${CMAKE_COMMAND} -S ${project} -B ${project}/out
    RESULT_VARIABLE result OUTPUT_VARIABLE text ERROR_VARIABLE text)
  set(${out_result} ${result} PARENT_SCOPE)
  string(REGEX REPLACE "[ \n]+" " " text "${text}")
  set(${out_text} "${text}" PARENT_SCOPE)
endfunction()

function(expect_refusal name body why)
  configure(${name} "${body}" result text ${ARGN})
  if(result EQUAL 0)
    message(FATAL_ERROR "${name}: was configured, but must be refused")
  endif()
  if(NOT text MATCHES "${why}")
    message(FATAL_ERROR "${name}: refused, but not with '${why}': ${text}")
  endif()
endfunction()

configure(good
  "dure_room(model LAYER 10 USES federation)\ndure_note_script(tests/e2e/known_test.py)\ndure_check_all_tests_registered()"
  result text tests/e2e/known_test.py build/other/some_test.cc)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "a good project was refused: ${text}")
endif()
expect_refusal(up "dure_room(a LAYER 20)\ndure_room(b LAYER 10 USES a)" "an edge must go down")
expect_refusal(sideways "dure_room(a LAYER 10)\ndure_room(b LAYER 10 USES a)" "an edge must go down")
expect_refusal(policy_model "dure_room(model LAYER 10)\ndure_room(policy/terms LAYER 20 USES model)"
  "policy/terms may never use model")
expect_refusal(roles "dure_room(site LAYER 40)\ndure_room(aggregator LAYER 41 USES site)"
  "aggregator may never use site")
expect_refusal(wire "dure_room(federation/transport LAYER 30)\ndure_room(model/x LAYER 40 USES federation/transport)"
  "model/x may never use federation/transport")
expect_refusal(unknown "dure_room(b LAYER 10 USES nowhere)" "not a room declared before it")
set(at 0)
foreach(lonely IN ITEMS federation/lonely_test.cc trainer/lonely_test.cc clerk/lonely_test.cc
        bench/gpu/lonely_test.cc tests/e2e/lonely_test.py model/text/lonely_fuzz.cc)
  math(EXPR at "${at} + 1")
  expect_refusal(unregistered_${at} "dure_check_all_tests_registered()" "is in no dure_test" ${lonely})
endforeach()
