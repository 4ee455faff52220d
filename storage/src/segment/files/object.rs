//! Files as objects of a bucket: what S3 and the servers that speak like it keep.
//!
//! A name is claimed by an empty object that must not be there before; what is written replaces it when it is complete.
//! Objects are read in pieces, which are kept for whoever reads on nearby. Requests run on threads of their own, so that
//! whoever waits for one may do so on any thread.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, MultipartUpload, ObjectStore, ObjectStoreExt, PutMode, PutPayload, RetryConfig,
};
use tokio::runtime::{Builder, Handle, Runtime};

use super::{Files, NewFile, ReadFile};
use crate::error::{Error, Result};
use crate::segment::cache::Cache;

/// What is sent in one request. S3 wants parts of 5 MiB at least.
const PART_BYTES: usize = 8 << 20;

/// Parts that are on their way at a time.
const PARTS_IN_FLIGHT: usize = 2;

/// What is read in one request at least.
const PIECE_BYTES: u64 = 1 << 20;

/// Pieces that are read in one request by whoever reads on where the last request ended.
const PIECES_AHEAD: u64 = 8;

/// Memory for pieces of objects, of each place.
const CACHE_BYTES: usize = 64 << 20;

/// One request, and how long it is tried again.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const RETRY_TIMEOUT: Duration = Duration::from_secs(60);
const RETRIES_MAX: usize = 6;

/// A bucket, and how to get to it.
#[derive(Clone)]
pub struct S3Options {
    pub bucket: String,
    /// What all names of objects begin with; empty for none.
    pub prefix: String,
    /// None: Amazon's.
    pub endpoint: Option<String>,
    pub region: String,
    /// None: what the machine itself is allowed.
    pub credentials: Option<S3Credentials>,
}

/// Who asks.
#[derive(Clone)]
pub struct S3Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: Option<String>,
}

/// Objects of a bucket.
pub struct ObjectFiles {
    place: Arc<Place>,
}

struct Place {
    objects: Arc<dyn ObjectStore>,
    prefix: String,
    /// Pieces, by the object's name and their number.
    pieces: Cache<(Arc<str>, u64), Bytes>,
    threads: Threads,
}

/// The threads that requests run on.
struct Threads {
    runtime: Option<Runtime>,
}

impl Drop for Threads {
    fn drop(&mut self) {
        // Whoever drops the last handle may be a thread that must not wait.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl ObjectFiles {
    /// The objects of a bucket. Nothing is asked of it yet.
    pub fn s3(options: S3Options) -> Result<Self> {
        let client = ClientOptions::new().with_timeout(REQUEST_TIMEOUT).with_connect_timeout(CONNECT_TIMEOUT);
        let retry =
            RetryConfig { backoff: BackoffConfig::default(), max_retries: RETRIES_MAX, retry_timeout: RETRY_TIMEOUT };
        let mut builder =
            AmazonS3Builder::new().with_bucket_name(&options.bucket).with_region(&options.region).with_retry(retry);
        let plain = options.endpoint.as_deref().is_some_and(|endpoint| endpoint.starts_with("http://"));
        builder = builder.with_client_options(client.with_allow_http(plain));
        if let Some(endpoint) = &options.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Some(credentials) = &options.credentials {
            builder = builder
                .with_access_key_id(&credentials.access_key_id)
                .with_secret_access_key(&credentials.secret_access_key);
            if let Some(token) = &credentials.session_token {
                builder = builder.with_token(token);
            }
        }
        let objects = builder.build().map_err(|error| failed(&options.bucket, error))?;
        Self::over(Arc::new(objects), options.prefix)
    }

    fn over(objects: Arc<dyn ObjectStore>, prefix: String) -> Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(2).thread_name("objects").enable_all().build();
        let runtime = runtime.map_err(|error| failed(&prefix, error))?;
        let threads = Threads { runtime: Some(runtime) };
        Ok(Self { place: Arc::new(Place { objects, prefix, pieces: Cache::new(CACHE_BYTES), threads }) })
    }
}

impl Place {
    fn locate(&self, path: &str) -> Path {
        match self.prefix.as_str() {
            "" => Path::from(path),
            prefix => Path::from(format!("{prefix}/{path}")),
        }
    }

    fn handle(&self) -> Result<&Handle> {
        self.threads.runtime.as_ref().map(Runtime::handle).ok_or_else(|| failed(&self.prefix, "its threads have ended"))
    }

    /// Waits for what runs on the place's threads.
    fn wait<T: Send + 'static>(
        &self,
        path: &str,
        request: impl Future<Output = object_store::Result<T>> + Send + 'static,
    ) -> Result<T> {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.handle()?.spawn(async move { drop(sender.send(request.await)) });
        let answer = receiver.recv().map_err(|_| failed(path, "its threads have ended"))?;
        answer.map_err(|error| failed(path, error))
    }
}

impl Files for ObjectFiles {
    fn create(&self, path: &str) -> Result<Box<dyn NewFile>> {
        let place = Arc::clone(&self.place);
        let location = place.locate(path);
        let (objects, claimed) = (Arc::clone(&place.objects), location.clone());
        place.wait(path, async move {
            objects.put_opts(&claimed, PutPayload::new(), PutMode::Create.into()).await.map(drop)
        })?;
        let path = path.to_owned();
        Ok(Box::new(NewObject { place, path, location, buffer: Vec::new(), parts: None, size: 0 }))
    }

    fn open(&self, path: &str) -> Result<Arc<dyn ReadFile>> {
        let place = Arc::clone(&self.place);
        let location = place.locate(path);
        let (objects, asked) = (Arc::clone(&place.objects), location.clone());
        let size = place.wait(path, async move { objects.head(&asked).await.map(|described| described.size) })?;
        Ok(Arc::new(Object { place, path: path.into(), location, size, read_to: AtomicU64::new(u64::MAX) }))
    }

    fn delete(&self, path: &str) -> Result<()> {
        let (objects, location) = (Arc::clone(&self.place.objects), self.place.locate(path));
        self.place.wait(path, async move {
            match objects.delete(&location).await {
                Err(object_store::Error::NotFound { .. }) => Ok(()),
                result => result,
            }
        })
    }
}

/// An object that is being written.
struct NewObject {
    place: Arc<Place>,
    path: String,
    location: Path,
    /// What was not sent yet.
    buffer: Vec<u8>,
    /// None as long as one request may be enough.
    parts: Option<Parts>,
    size: u64,
}

struct Parts {
    upload: Box<dyn MultipartUpload>,
    on_their_way: Vec<tokio::task::JoinHandle<object_store::Result<()>>>,
}

impl Parts {
    /// Waits until there are fewer than so many on their way.
    async fn until_fewer(&mut self, than: usize) -> object_store::Result<()> {
        while self.on_their_way.len() >= than.max(1) {
            self.on_their_way.remove(0).await??;
        }
        Ok(())
    }
}

impl NewObject {
    /// Sends what is in the buffer as another part.
    fn send(&mut self) -> Result<()> {
        let (objects, location) = (Arc::clone(&self.place.objects), self.location.clone());
        let payload = PutPayload::from(std::mem::take(&mut self.buffer));
        let parts = self.parts.take();
        self.parts = Some(self.place.wait(&self.path, async move {
            let mut parts = match parts {
                Some(parts) => parts,
                None => Parts { upload: objects.put_multipart(&location).await?, on_their_way: Vec::new() },
            };
            parts.until_fewer(PARTS_IN_FLIGHT).await?;
            let part = parts.upload.put_part(payload);
            parts.on_their_way.push(tokio::spawn(part));
            Ok(parts)
        })?);
        Ok(())
    }
}

impl Write for NewObject {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len().min(PART_BYTES - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..length]);
        self.size += length as u64;
        if self.buffer.len() == PART_BYTES {
            self.send().map_err(io::Error::other)?;
        }
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl NewFile for NewObject {
    fn finish(mut self: Box<Self>) -> Result<u64> {
        if self.parts.is_some() && !self.buffer.is_empty() {
            self.send()?;
        }
        let (objects, location) = (Arc::clone(&self.place.objects), self.location.clone());
        let rest = PutPayload::from(std::mem::take(&mut self.buffer));
        let parts = self.parts.take();
        self.place.wait(&self.path, async move {
            match parts {
                None => objects.put(&location, rest).await.map(drop),
                Some(mut parts) => {
                    parts.until_fewer(1).await?;
                    parts.upload.complete().await.map(drop)
                }
            }
        })?;
        Ok(self.size)
    }
}

impl Drop for NewObject {
    fn drop(&mut self) {
        // What was sent of an object that is given up costs its owner money until it is told to go.
        if let (Some(mut parts), Ok(handle)) = (self.parts.take(), self.place.handle()) {
            handle.spawn(async move {
                let sent = parts.until_fewer(1).await;
                if let Err(error) = sent.and(parts.upload.abort().await) {
                    tracing::warn!(%error, "parts of an object that was given up are left behind");
                }
            });
        }
    }
}

/// An object that is read.
struct Object {
    place: Arc<Place>,
    path: Arc<str>,
    location: Path,
    size: u64,
    /// The piece behind those of the last request.
    read_to: AtomicU64,
}

impl Object {
    /// A piece of the object; reads it, and those behind it if that is what comes next.
    fn piece(&self, number: u64) -> Result<Bytes> {
        if let Some(piece) = self.place.pieces.get(&(Arc::clone(&self.path), number)) {
            return Ok(piece);
        }
        let count = if self.read_to.load(Ordering::Relaxed) == number { PIECES_AHEAD } else { 1 };
        let (first, end) = (number * PIECE_BYTES, self.size.min((number + count) * PIECE_BYTES));
        let (objects, location) = (Arc::clone(&self.place.objects), self.location.clone());
        let read = self.place.wait(&self.path, async move { objects.get_range(&location, first..end).await })?;
        if read.len() as u64 != end - first {
            return Err(failed(&self.path, "it is shorter than it was"));
        }
        let mut pieces = read.chunks(PIECE_BYTES as usize).zip(number..);
        let asked = pieces.next().map(|(piece, _)| Bytes::copy_from_slice(piece)).unwrap_or_default();
        self.keep(number, asked.clone());
        for (piece, number) in pieces {
            self.keep(number, Bytes::copy_from_slice(piece));
        }
        self.read_to.store(number + count, Ordering::Relaxed);
        Ok(asked)
    }

    fn keep(&self, number: u64, piece: Bytes) {
        let bytes = piece.len();
        self.place.pieces.add((Arc::clone(&self.path), number), piece, bytes);
    }
}

impl ReadFile for Object {
    fn size(&self) -> u64 {
        self.size
    }

    fn read(&self, offset: u64, length: usize) -> Result<Bytes> {
        let end = offset.checked_add(length as u64).filter(|end| *end <= self.size);
        let end = end.ok_or_else(|| failed(&self.path, "it is shorter than it says"))?;
        let mut bytes = Vec::new();
        let mut at = offset;
        while at < end {
            let number = at / PIECE_BYTES;
            let piece = self.piece(number)?;
            let from = (at - number * PIECE_BYTES) as usize;
            let to = piece.len().min(from + (end - at) as usize);
            if to - from == length {
                return Ok(piece.slice(from..to));
            }
            bytes.extend_from_slice(&piece[from..to]);
            at += (to - from) as u64;
        }
        Ok(bytes.into())
    }
}

fn failed(path: &str, reason: impl std::fmt::Display) -> Error {
    Error::Io(format!("object {path}: {reason}"))
}

#[cfg(test)]
pub(super) fn objects_in_memory(prefix: &str) -> ObjectFiles {
    ObjectFiles::over(Arc::new(object_store::memory::InMemory::new()), prefix.to_owned()).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_of_many_parts_is_read_at_any_place() {
        let files = objects_in_memory("some/where");
        let contents: Vec<u8> = (0..PART_BYTES * 2 + 12345).map(|at| (at % 251) as u8).collect();
        let mut file = files.create("big").unwrap();
        for piece in contents.chunks(100_000) {
            file.write_all(piece).unwrap();
        }
        assert_eq!(file.finish().unwrap(), contents.len() as u64);
        let read = files.open("big").unwrap();
        let places = [(0, 10), (PIECE_BYTES as usize - 3, 7), (5, contents.len() - 5), (contents.len() - 1, 1)];
        for (offset, length) in places {
            assert_eq!(read.read(offset as u64, length).unwrap(), contents[offset..offset + length]);
        }
        // One after the other, as a scan does.
        for offset in (0..contents.len() - 4096).step_by(4096) {
            assert_eq!(read.read(offset as u64, 4096).unwrap(), contents[offset..offset + 4096]);
        }
    }

    #[test]
    fn an_object_that_is_given_up_is_not_there_in_part() {
        let files = objects_in_memory("");
        let mut file = files.create("half").unwrap();
        file.write_all(&vec![1; PART_BYTES * 2]).unwrap();
        drop(file);
        assert_eq!(files.open("half").unwrap().size(), 0, "only its name was claimed");
        files.delete("half").unwrap();
        assert!(files.open("half").is_err());
    }
}
