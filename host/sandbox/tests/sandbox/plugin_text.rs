//! Plugins as text: no guest toolchain, and nothing in them but what a test is about.

/// A plugin as text, with one callable `run`. `module` holds further fields of its core module and must define
/// `(func $run (result i32) …)`, which gives the address of the result; at 96 there is one that says `Ok("{}")`.
pub(crate) fn plugin_text(module: &str) -> String {
    plugin_text_with_list(module, "(i32.const 16)")
}

/// The same with the body of `describe`; at 16 there is the list with `run`.
pub(crate) fn plugin_text_with_list(module: &str, list: &str) -> String {
    format!(
        r#"(component
  (type $types-type (instance
    (type $raw (record (field "code" string) (field "message" string)
      (field "retryable" bool) (field "detail" (option string))))
    (export "error" (type (eq $raw)))))
  (import "nomaflow:step/types@1.0.0" (instance $types (type $types-type)))
  (alias export $types "error" (type $error))
  (core module $m
    (memory $memory (export "memory") 1)
    (data (i32.const 16) "\20\00\00\00\01\00\00\00")
    (data (i32.const 32) "\80\00\00\00\03\00\00\00" "\80\00\00\00\03\00\00\00" "\80\00\00\00\00\00\00\00"
      "\90\00\00\00\02\00\00\00" "\90\00\00\00\02\00\00\00" "\80\00\00\00\00\00\00\00")
    (data (i32.const 96) "\00\00\00\00" "\88\00\00\00\02\00\00\00")
    (data (i32.const 128) "run")
    (data (i32.const 136) "{{}}")
    (data (i32.const 144) "{{}}")
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096))
    (func (export "list") (result i32) {list})
    (func (export "call") (param i32 i32 i32 i32) (result i32) (call $run))
    {module})
  (core instance $i (instantiate $m))
  (type $raw-info (record (field "name" string) (field "title" string) (field "doc" string)
    (field "params-schema" string) (field "result-schema" string) (field "meta" (list (tuple string string)))))
  (export $info "callable" (type $raw-info))
  (func $list (result (list $info))
    (canon lift (core func $i "list") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
  (func $call (param "name" string) (param "params" string) (result (result string (error $error)))
    (canon lift (core func $i "call") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
  (instance $callables
    (export "error" (type $error)) (export "callable" (type $info))
    (export "describe" (func $list)) (export "call" (func $call)))
  (export "nomaflow:step/callables@1.0.0" (instance $callables)))"#
    )
}

/// A component of five megabytes whose functions take seconds to compile; its callable `run` gives `answer`, of two bytes.
pub(crate) fn large_plugin(answer: &str) -> Vec<u8> {
    let body: String = (0..60)
        .map(|at| format!("(local.set 0 (i64.xor (i64.mul (local.get 0) (i64.const {})) (i64.rotl (local.get 1) (i64.const {at}))))", at * 7919 + 104_729))
        .collect();
    let functions: String = (0..6_000)
        .map(|at| format!("(func (param i64 i64) (result i64) {body} (i64.add (local.get 0) (i64.const {at})))\n"))
        .collect();
    let module = format!("(data (i32.const 136) \"{answer}\") (func $run (result i32) (i32.const 96)) {functions}");
    wat::parse_str(plugin_text(&module)).expect("sound text")
}
