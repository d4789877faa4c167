//! The client, in a process of its own so that its work is not counted: keeps a few connections busy,
//! or sends at a fixed rate, and prints what it saw.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// `next_cursor` of a page.
pub fn next_cursor(body: &[u8]) -> Option<&str> {
    let mark = b"\"next_cursor\":\"";
    let start = body.windows(mark.len()).rposition(|window| window == mark)? + mark.len();
    let len = body[start..].iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(&body[start..start + len]).ok()
}

struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    fn get(&mut self, path: &str, token: &str) -> Vec<u8> {
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\r\n");
        self.stream.get_mut().write_all(request.as_bytes()).expect("the server listens");
        let mut length = 0;
        let mut line = String::new();
        let mut status = String::new();
        loop {
            line.clear();
            self.stream.read_line(&mut line).expect("the server answers");
            if status.is_empty() {
                line.trim().clone_into(&mut status);
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a number");
            }
            if line == "\r\n" {
                break;
            }
        }
        assert!(status.contains("200"), "{status}");
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("the whole body");
        body
    }
}

/// `address path count connections rate token…`: rate 0 means as fast as it goes. Prints requests per
/// second, p50 and p99 in microseconds.
pub fn main(arguments: &[String]) {
    let number = |place: usize| arguments[place].parse::<usize>().expect("a number");
    let (count, connections, rate) = (number(2), number(3), number(4));
    let (address, path) = (arguments[0].clone(), arguments[1].clone());
    let tokens: Arc<Vec<String>> = Arc::new(arguments[5..].to_vec());
    let next = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let threads: Vec<_> = (0..connections)
        .map(|_| {
            let (address, path) = (address.clone(), path.clone());
            let (tokens, next) = (Arc::clone(&tokens), Arc::clone(&next));
            std::thread::spawn(move || {
                let stream = TcpStream::connect(&address).expect("the server listens");
                stream.set_nodelay(true).expect("a socket option");
                let mut connection = Connection { stream: BufReader::new(stream) };
                let mut walls: Vec<u32> = Vec::new();
                let (mut cursor, mut step): (Option<String>, usize) = (None, 0);
                let mut token = 0;
                loop {
                    let turn = next.fetch_add(1, Ordering::Relaxed);
                    if turn >= count {
                        return walls;
                    }
                    if step % 5 == 0 {
                        (cursor, token) = (None, turn % tokens.len());
                    }
                    step += 1;
                    // With a rate, lateness counts: a request is timed from when it was due.
                    let mut begun = Instant::now();
                    if rate > 0 {
                        let due = started + Duration::from_secs_f64(turn as f64 / rate as f64);
                        std::thread::sleep(due.saturating_duration_since(begun));
                        begun = due;
                    }
                    let body = match &cursor {
                        Some(cursor) => {
                            let path = format!("{path}?cursor={cursor}");
                            connection.get(&path, &tokens[token])
                        }
                        None => connection.get(&path, &tokens[token]),
                    };
                    walls.push(begun.elapsed().as_micros() as u32);
                    let feed = path.starts_with("/v1/feed");
                    cursor = next_cursor(&body).filter(|_| feed).map(ToOwned::to_owned);
                }
            })
        })
        .collect();
    let mut walls: Vec<u32> =
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect();
    let seconds = started.elapsed().as_secs_f64();
    walls.sort_unstable();
    crate::print(&format!(
        "{} {} {}",
        (count as f64 / seconds) as u64,
        walls[walls.len() / 2],
        walls[walls.len() * 99 / 100]
    ));
}
