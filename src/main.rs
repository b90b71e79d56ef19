//! Parses the command and hands over.

fn main() -> std::process::ExitCode {
    suixing::wiring::cli::main()
}
