//! CREATE, ALTER and DROP STORAGE, and STORAGE CHECK.

use std::io::Write;
use std::sync::Arc;

use auth::Duty;
use storage::Store;
use storage::segment::Files;

use super::DefinitionEnvironment;
use crate::catalog::{Change, OwnOption, PlaceKind, PlaceOption, StoragePlace, Table, USUAL_STORAGE, no_storage};
use crate::error::{Error, Result, SqlState};
use crate::statement::definition::{PlaceDefinition, StorageParameter};

/// What is written, read and deleted to see whether a storage is one.
const SAMPLE: &[u8] = b"KalamDB looks whether it may write, read and delete here.";

impl DefinitionEnvironment<'_> {
    pub(super) async fn define_storage(&mut self, definition: &PlaceDefinition) -> Result<()> {
        if !self.principal.kind().has(Duty::Operate) {
            return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, "permission denied to define storages")
                .with_hint("It takes a role of kind dba."));
        }
        let (PlaceDefinition::Create { name, .. }
        | PlaceDefinition::Set { name, .. }
        | PlaceDefinition::Reset { name, .. }
        | PlaceDefinition::Drop { name, .. }
        | PlaceDefinition::Check { name }) = definition;
        let only_looks = matches!(definition, PlaceDefinition::Check { .. });
        if name == USUAL_STORAGE {
            if only_looks {
                return try_files(self.store, self.store.own_files()).await;
            }
            let message = format!("storage \"{name}\" is the data directory");
            return Err(Error::new(SqlState("42939"), message));
        }
        self.lock_storage(name, !only_looks).await?;
        let known = self.catalog().storage_named(name).cloned();
        match (definition, known) {
            (PlaceDefinition::Create { if_not_exists, .. }, Some(_)) => {
                let message = format!("storage \"{name}\" already exists");
                if *if_not_exists {
                    self.notice_skipping(Some(SqlState::DUPLICATE_OBJECT), message);
                    return Ok(());
                }
                Err(Error::new(SqlState::DUPLICATE_OBJECT, message))
            }
            (PlaceDefinition::Create { kind, path, options, .. }, None) => {
                let kind = PlaceKind::named(kind)?;
                kind.check_path(path)?;
                let (oid, owner) = (self.store.allocate_oid()?, self.principal.role().0);
                let (name, path) = (name.clone(), path.clone());
                let mut storage = StoragePlace { oid, name, owner, kind, path, options: Vec::new() };
                set_options(&mut storage, options)?;
                self.put_storage(storage).await
            }
            (PlaceDefinition::Drop { if_exists: true, .. }, None) => {
                self.notice_skipping(None, format!("storage \"{name}\" does not exist"));
                Ok(())
            }
            (_, None) => Err(no_storage(name)),
            (PlaceDefinition::Set { options, .. }, Some(known)) => {
                let mut storage = (*known).clone();
                set_options(&mut storage, options)?;
                self.put_storage(storage).await
            }
            (PlaceDefinition::Reset { options, .. }, Some(known)) => {
                let mut storage = (*known).clone();
                for option in options {
                    PlaceOption::named(&option.name, storage.kind)?;
                }
                storage.options.retain(|(name, _)| options.iter().all(|option| option.name != *name));
                self.put_storage(storage).await
            }
            (PlaceDefinition::Drop { .. }, Some(known)) => self.drop_storage(&known),
            (PlaceDefinition::Check { .. }, Some(known)) => try_files(self.store, known.open()?).await,
        }
    }

    /// Keeps a storage from being dropped or defined anew until the transaction has ended.
    async fn lock_storage(&mut self, name: &str, exclusive: bool) -> Result<()> {
        self.lock_definition(&[b"storage:", name.as_bytes()].concat(), exclusive).await
    }

    /// The storage that a table's options name must be there, and stay.
    pub(super) async fn hold_storage(&mut self, options: &[(String, String)]) -> Result<()> {
        let Some((_, name)) = options.iter().find(|(name, _)| name == OwnOption::Storage.name()) else { return Ok(()) };
        if name == USUAL_STORAGE {
            return Ok(());
        }
        self.lock_storage(name, false).await?;
        self.catalog().storage_named(name).map(drop).ok_or_else(|| no_storage(name))
    }

    /// Looks whether it is one, and makes it known under its number. If the definition is not committed after all, nothing
    /// names that number.
    async fn put_storage(&mut self, storage: StoragePlace) -> Result<()> {
        let files = storage.open()?;
        try_files(self.store, Arc::clone(&files)).await?;
        self.store.mount(storage.place(), files);
        self.apply(Change::Storage(storage.oid, Some(Arc::new(storage))))
    }

    fn drop_storage(&mut self, storage: &StoragePlace) -> Result<()> {
        let goes_there = |table: &&Arc<Table>| table.own_option(OwnOption::Storage) == Some(storage.name.as_str());
        let message = format!("cannot drop storage \"{}\" because it is in use", storage.name);
        let in_use = Error::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message);
        for database in self.catalog().databases.keys() {
            let catalog = self.others.catalog(*database);
            if let Some(table) = catalog.tables.values().find(goes_there) {
                return Err(in_use.with_detail(format!("Rows of table {} go there.", table.name)));
            }
        }
        if self.store.is_place_used(storage.place())? {
            return Err(in_use.with_detail("Rows of tables lie there."));
        }
        self.store.unmount(storage.place());
        self.apply(Change::Storage(storage.oid, None))
    }
}

fn set_options(storage: &mut StoragePlace, options: &[StorageParameter]) -> Result<()> {
    for option in options {
        let value = option.value.clone().unwrap_or_default();
        PlaceOption::named(&option.name, storage.kind)?.check(&value)?;
        storage.options.retain(|(name, _)| *name != option.name);
        storage.options.push((option.name.clone(), value));
    }
    Ok(())
}

/// Writes, reads and deletes a file of no table.
async fn try_files(store: &Store, files: Arc<dyn Files>) -> Result<()> {
    let mut name = [0; 8];
    store.environment().fill_random(&mut name);
    let name = format!("kalamdb-check-{:016x}", u64::from_be_bytes(name));
    let sampled = tokio::task::spawn_blocking(move || sample(files.as_ref(), &name)).await;
    sampled.map_err(|_| Error::internal("looking at a storage has panicked"))?
}

fn sample(files: &dyn Files, name: &str) -> Result<()> {
    let mut file = files.create(name)?;
    file.write_all(SAMPLE).map_err(|error| storage::Error::Io(error.to_string()))?;
    file.finish()?;
    let read = files.open(name)?.read(0, SAMPLE.len())?;
    files.delete(name)?;
    if read != SAMPLE {
        return Err(Error::new(SqlState::IO_ERROR, "the storage answers something else than was written there"));
    }
    Ok(())
}
