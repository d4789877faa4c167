//! The pages are carried in the binary: a change of theirs is a reason to build again.

fn main() {
    println!("cargo:rerun-if-changed=src/web");
}
