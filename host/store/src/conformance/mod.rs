//! What every store must do, one file for each area, run against SQLite and PostgreSQL by `tests/`.
//!
//! A check is a sentence: an `async fn(&Bench)` that panics when the sentence is not true. Checks know only the port, the
//! URL, and, where a row has to be damaged or looked at, plain SQL both dialects take. [`each_check!`](crate::each_check)
//! is the list of all of them; the compiler warns of one that is missing there, because it is never used.
#![allow(clippy::unwrap_used, missing_docs, reason = "test code: a check panics, and its name says what it checks")]

mod accounts;
mod audit;
mod bell;
mod cancel;
mod care;
mod claims;
mod concurrency;
mod definitions;
mod dependencies;
mod desks;
mod fencing;
mod fires;
mod history;
mod holds;
mod idempotency;
mod lease;
mod ledger;
mod limits;
mod logs;
mod notify;
mod odd_data;
mod overlap;
mod plugin_state;
mod plugin_versions;
mod portable;
mod prune;
mod queries;
mod raw;
mod replicas;
mod restart;
mod run_search;
mod schema;
mod search;
mod secrets;
mod transitions;
mod upgrade;
mod versions;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use chrono::TimeDelta;
use host_model::account::AccountStore;
use host_model::audit::AuditTrail;
use host_model::fire::{NewRun, Recorded, Slot};
use host_model::job::Overlap;
use host_model::log::{LogLevel, LogLine};
use host_model::placement::Limits;
use host_model::plugin_port::PluginState;
use host_model::plugin_version::PluginVersionStore;
use host_model::port::{Claim, Store};
use host_model::replica::Presence;
use host_model::secret::SecretStore;
use host_model::transition::{Applied, AttemptKey, Change, RunChange, StepChange};
use host_model::version::VersionStore;
use host_model::{Instant, JobId, Json, JsonMap, Placement, Run, RunId, StepName};

/// The owner of every run of the suite, unless a check says otherwise.
const ME: &str = "host/1/0";

/// A fresh, empty store and what checks need around it.
pub struct Bench {
    url: String,
    home: PathBuf,
    next: AtomicU32,
}

macro_rules! checks {
    ($($area:ident: $($name:ident)*;)*) => {
        /// Calls `$run! { area: check check …; … }` with every check of the suite; `conformance::run` runs one by its names.
        #[macro_export]
        macro_rules! each_check {
            ($run:ident) => { $run! { $($area: $($name)*;)* } };
        }

        /// Runs one check.
        ///
        /// # Panics
        /// When the check's sentence is not true, or there is no such check.
        pub async fn run(area: &str, name: &str, bench: &Bench) {
            match (area, name) {
                $($((stringify!($area), stringify!($name)) => Box::pin($area::$name(bench)).await,)*)*
                _ => panic!("there is no check `{area}::{name}`"),
            }
        }
    };
}

checks! {
    fires:
        a_recorded_run_is_queued_with_every_step_pending
        a_run_for_anybody_has_no_owner_and_no_term
        a_replay_names_its_run_and_its_first_step
        a_called_run_stands_for_the_instant_of_its_caller
        a_second_run_of_a_job_is_skipped_with_the_first_named
        a_job_that_allows_overlap_runs_beside_itself
        a_run_may_begin_once_the_one_before_is_final
        a_slot_is_written_with_its_run
        a_slot_that_is_taken_writes_nothing
        a_skipped_fire_says_so_in_the_ledger
        a_missed_slot_is_recorded_once
        slots_are_listed_newest_first
        a_job_with_a_thousand_steps_keeps_their_order;
    dependencies:
        a_run_waits_for_nobody_whose_latest_run_succeeded
        an_unmet_dependency_is_a_skipped_run_with_its_reason
        a_skipped_run_of_a_dependency_does_not_count
        an_unmet_dependency_says_so_in_the_ledger;
    holds:
        windows_are_kept_by_their_beginning_until_they_are_ended
        a_slot_skipped_once_cannot_fire_and_says_nothing_about_those_before_it
        a_skip_is_taken_back_while_its_slot_is_to_come_and_nothing_else_ever_is;
    ledger:
        many_missed_slots_are_recorded_at_once_and_those_decided_stay
        slots_are_found_by_time_and_page_even_when_two_are_due_at_once
        a_schedule_is_remembered_with_the_newest_slot_of_its_ledger
        rows_of_a_clock_that_was_ahead_do_not_say_that_what_comes_before_them_was_decided
        a_thousand_schedules_are_remembered_in_one_call
        a_pause_stays_as_it_began_until_it_is_ended
        slots_without_a_run_are_listed_by_when_they_were_decided;
    overlap:
        waiting_runs_are_taken_up_one_at_a_time_oldest_first
        sixteen_queued_fires_are_taken_up_in_order
        a_run_of_a_job_that_is_being_fired_is_passed_over
        a_run_that_comes_late_with_an_older_id_waits_for_the_one_taken_up
        a_full_queue_is_a_skipped_run
        a_run_that_takes_over_marks_all_before_it
        sixteen_that_take_over_leave_the_last_unmarked
        a_job_that_no_longer_queues_respects_those_that_wait
        of_runs_fired_under_different_rules_one_is_taken_up_at_a_time;
    transitions:
        a_run_goes_from_queued_to_succeeded
        every_final_change_sets_the_finish_and_its_text
        a_stale_change_says_what_it_met
        a_change_by_another_owner_does_not_take
        a_change_of_nothing_is_missing
        one_stale_change_undoes_the_batch
        a_step_keeps_what_it_was_given_and_returned
        a_retry_leaves_the_failed_attempt_and_adds_a_pending_one
        a_canceled_step_counts_as_done_with_its_reason
        rows_of_steps_add_up_and_stop_at_the_largest_integer
        no_change_is_a_change_that_took;
    cancel:
        a_mark_is_found_by_the_owner_alone
        a_mark_of_a_run_that_nobody_has_is_found_by_everybody
        the_first_to_cancel_is_named
        a_mark_without_a_time_keeps_who_asked_and_gets_none
        a_final_run_cannot_be_marked
        an_unknown_run_cannot_be_marked;
    logs:
        lines_come_back_in_order_of_seq
        a_batch_sent_twice_is_there_once
        a_line_that_is_there_stays_as_it_is
        a_page_begins_where_it_is_told
        ten_thousand_lines_in_one_call_are_all_there
        lines_of_many_runs_share_a_batch
        an_empty_batch_is_fine;
    queries:
        runs_are_listed_newest_first_by_page
        a_filter_takes_all_conditions_together
        the_latest_run_of_a_job_is_rather_one_that_ran
        an_unknown_run_is_nothing
        a_store_answers_a_ping_until_it_is_closed;
    concurrency:
        sixteen_starters_make_one_run
        many_fires_at_once_come_out_as_each_would_alone
        what_is_undone_or_fails_takes_none_of_its_neighbors_with_it
        two_handles_on_one_database_make_one_run
        sixteen_starters_of_one_slot_make_one_row
        many_runs_at_once_all_end
        two_deciders_of_one_run_have_one_winner
        readers_see_whole_batches_only
        batches_in_opposite_order_do_not_block_each_other;
    claims:
        the_oldest_runs_go_to_whoever_asks
        a_run_is_taken_up_only_where_it_is_placed
        a_process_nobody_knows_gets_nothing
        a_run_to_be_canceled_is_not_taken_up
        a_run_of_an_older_version_is_not_taken_up
        a_run_that_cannot_be_read_is_set_aside_and_the_others_go_on
        a_claimed_run_starts_in_its_new_term
        a_run_given_back_goes_to_another_in_the_next_term
        a_run_taken_up_again_keeps_its_first_start
        many_claimers_never_share_a_run
        claims_and_fires_at_once_keep_every_order;
    limits:
        a_limit_counts_runs_of_every_process
        a_limit_that_is_used_up_does_not_hold_up_the_others
        keys_that_look_alike_are_told_apart
        of_many_that_claim_at_once_one_gets_the_last_place
        many_claimers_never_exceed_a_limit;
    definitions:
        a_run_keeps_what_it_does
        a_text_is_kept_once
        a_definition_is_marked_as_used_at_most_once_an_hour
        a_definition_goes_with_the_last_run_that_does_it
        a_fire_finds_that_its_definition_was_pruned;
    replicas:
        a_process_is_known_from_its_first_sign_of_life
        a_process_is_forgotten_only_if_it_gave_no_sign_since
        owners_are_listed_once_and_nobody_is_not_among_them;
    lease:
        a_lease_is_taken_kept_and_given_back
        a_lease_is_taken_over_only_from_a_holder_that_gives_no_sign
        one_of_many_takes_the_lease
        a_pause_and_the_lease_leave_each_other_alone;
    fencing:
        a_change_of_an_old_term_does_not_take
        what_begins_before_it_is_given_back_is_not_given_back
        a_fire_under_a_lost_lease_writes_nothing
        slots_under_a_lost_lease_are_not_written
        a_step_and_a_take_over_have_one_winner;
    bell:
        a_fire_for_anybody_rings_here
        a_fire_for_anybody_rings_in_another_process
        a_run_given_back_rings
        the_end_of_a_run_that_others_wait_for_rings
        a_bell_works_again_after_the_server_dropped_it
        news_rings_in_other_processes_and_not_where_it_was_made;
    odd_data:
        any_text_comes_back_as_it_was
        a_nul_becomes_visible
        huge_values_come_back
        json_keeps_order_numbers_and_escapes
        json_too_deep_to_read_is_replaced
        instants_are_kept_to_the_millisecond
        a_row_that_cannot_be_read_names_column_and_value
        the_largest_run_id_and_seq_are_fine;
    prune:
        log_rows_of_old_runs_go_batch_by_batch
        old_runs_go_with_their_steps_oldest_first
        a_run_in_flight_is_never_pruned
        the_end_of_a_run_counts_not_its_beginning
        lines_that_outlived_their_run_go
        old_slots_go_but_the_newest_of_each_schedule
        an_empty_store_has_nothing_to_prune
        writers_go_on_between_two_batches;
    plugin_state:
        a_value_is_there_for_its_plugin_until_it_is_deleted
        a_condition_that_does_not_hold_changes_nothing
        sixteen_that_compare_and_set_lose_no_count
        keys_are_listed_by_prefix_and_page_in_the_order_of_their_bytes
        a_key_too_many_is_refused_and_the_others_can_still_be_set;
    secrets:
        a_secret_is_replaced_listed_and_deleted
        secrets_are_sealed_anew_all_together_or_not_at_all;
    accounts:
        an_account_is_what_was_made_of_it
        the_first_account_is_made_once
        somebody_who_may_do_everything_is_always_left
        two_superusers_who_demote_each_other_leave_one
        whom_a_provider_vouches_for_keeps_one_account
        a_refresh_token_works_once
        sessions_end_one_by_one_and_all_at_once
        a_token_is_found_by_its_hash_and_goes_with_its_owner
        preferences_are_kept_with_their_account;
    audit:
        entries_are_chained_and_listed_with_what_closed_them
        a_change_to_an_entry_is_found
        an_entry_that_is_taken_out_is_found
        the_database_refuses_to_change_or_delete_entries
        sixteen_writers_of_two_processes_make_one_chain
        entries_go_only_off_the_old_end_and_the_chain_still_holds
        entries_are_found_by_what_they_say;
    versions:
        the_last_twenty_versions_are_kept_newest_first
        what_the_newest_says_already_is_not_kept_again
        a_deleted_job_that_comes_back_as_it_was_has_a_version_of_its_own
        versions_added_at_once_have_numbers_of_their_own
        everything_of_a_job_follows_its_new_id
        an_id_with_history_is_not_given_to_another_job;
    plugin_versions:
        the_first_version_of_a_plugin_is_approved_by_who_put_it_there
        a_file_that_comes_back_is_the_newest_again_and_keeps_its_approval
        calls_are_found_by_the_digest_that_ran;
    notify:
        an_event_is_written_with_the_change_it_tells_of
        the_first_success_after_a_failure_is_a_recovery
        events_are_written_that_somebody_wants
        a_judgement_takes_once_and_only_under_the_lease
        messages_of_a_group_join_until_they_are_taken
        a_delivery_comes_back_when_its_holder_is_lost
        deliveries_go_with_the_history_they_tell_of
        a_transport_comes_and_goes_with_its_secrets
        routes_are_replaced_by_whoever_knows_their_version;
    desks:
        who_changed_a_password_is_remembered_and_follows_a_name
        a_mute_is_replaced_counted_and_goes;
    history:
        the_last_runs_of_each_job_come_newest_first_without_skipped_ones
        the_runs_a_list_shows_are_named_as_they_are_now
        the_runs_beside_a_run_are_of_its_job_and_were_not_skipped
        runs_are_found_by_trigger_text_and_length
        runs_are_counted_by_time_state_and_length
        steps_are_timed_over_the_last_successes
        slots_that_did_not_fire_are_found_by_time
        lines_with_a_text_are_scanned_and_most_others_are_not
        lines_are_filtered_scanned_and_counted;
    run_search:
        pages_of_every_filter_are_every_run_of_it_once
        runs_from_after_a_clock_was_set_back_are_found_by_their_time
        no_filter_reads_more_of_the_history_than_an_index_leads_to;
    search:
        lines_of_all_runs_are_found_by_their_words_newest_first
        a_search_goes_on_where_its_page_ended
        conditions_of_a_search_hold_together
        a_line_that_comes_twice_is_found_once
        lines_of_unknown_runs_are_shown_to_nobody
        a_renamed_job_keeps_its_lines
        pruned_lines_are_not_found_and_leave_nothing_in_the_index
        lines_from_before_the_index_are_indexed_bit_by_bit
        a_search_that_takes_too_long_says_so_and_can_go_on;
    care:
        tables_are_measured_with_their_growth
        an_estimate_is_what_a_pass_then_removes
        fires_of_schedules_are_told_by_their_times
        how_busy_it_was_is_counted_from_runs_and_lines
        a_store_tells_how_its_connections_are_used;
    portable:
        a_store_crosses_to_another_kind_and_back_row_by_row
        life_goes_on_in_a_store_that_was_filled
        a_store_with_rows_is_replaced_only_for_who_says_so
        a_copy_that_is_not_whole_changes_nothing
        a_snapshot_is_of_one_moment
        a_store_that_is_held_takes_no_writes
        a_store_is_sound_until_something_is_missing
        a_snapshot_knows_sizes_and_what_was_done_last
        who_works_on_a_store_is_told;
    idempotency:
        a_key_stands_for_its_first_request_until_it_expires
        a_key_goes_on_with_one_process_only
        one_of_many_gets_a_key;
    schema:
        a_final_status_without_a_finish_is_refused
        unknown_words_are_refused
        a_second_active_run_is_refused_by_the_database
        a_second_running_run_is_refused_by_the_database
        steps_go_with_their_run;
    restart:
        a_reopened_store_holds_everything
        starters_at_once_apply_the_schema_once
        a_newer_schema_is_refused
        a_changed_migration_is_refused
        a_closed_store_refuses_and_may_be_closed_again;
    upgrade:
        runs_of_the_schema_before_are_still_readable
        log_lines_of_the_schema_before_become_searchable;
}

impl Bench {
    /// A bench on the empty database at `url`; `home` is what relative paths begin at.
    pub fn new(url: impl Into<String>, home: impl Into<PathBuf>) -> Self {
        Self { url: url.into(), home: home.into(), next: AtomicU32::new(0) }
    }

    async fn open(&self) -> Arc<dyn Store> {
        crate::open(&self.url, &self.home).await.unwrap()
    }

    async fn open_secrets(&self) -> Arc<dyn SecretStore> {
        crate::open_roles(&self.url, &self.home).await.unwrap().secrets
    }

    async fn open_accounts(&self) -> Arc<dyn AccountStore> {
        crate::open_roles(&self.url, &self.home).await.unwrap().accounts
    }

    async fn open_audit(&self) -> Arc<dyn AuditTrail> {
        crate::open_roles(&self.url, &self.home).await.unwrap().audit
    }

    async fn open_versions(&self) -> Arc<dyn VersionStore> {
        crate::open_roles(&self.url, &self.home).await.unwrap().versions
    }

    async fn open_plugin_versions(&self) -> Arc<dyn PluginVersionStore> {
        crate::open_roles(&self.url, &self.home).await.unwrap().plugin_versions
    }

    async fn open_state(&self) -> Arc<dyn PluginState> {
        crate::open_roles(&self.url, &self.home).await.unwrap().plugin_state
    }

    /// A run of `job` with two steps, later than every one before.
    fn new_run(&self, job: &str) -> NewRun {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let queued_at = at(i64::from(number));
        NewRun {
            id: RunId::from_parts(queued_at.timestamp_millis() as u64, number),
            job_id: job_id(job),
            overlap: Overlap::Skip,
            depends_on: Vec::new(),
            replay: None,
            as_of: None,
            triggered_by: "cron".to_owned(),
            slot: None,
            queued_at,
            owner: ME.to_owned(),
            placement: format!("here:{ME}"),
            limits: Vec::new(),
            definition: definition(job),
            lease: None,
            log_level: LogLevel::Info,
            params: map(r#"{"params":{"day":"2026-11-22"},"op_kwargs":{}}"#),
            overrides: JsonMap::new(),
            steps: vec![(step_name("extract"), "sql_copy"), (step_name("report"), "http")],
        }
    }

    /// Records a run that must come out as queued.
    async fn queued(&self, store: &dyn Store, job: &str) -> NewRun {
        let new = self.new_run(job);
        assert_eq!(store.record_fire(&new).await.unwrap(), Recorded::Queued);
        new
    }

    /// A run of `job` that waits for any process.
    fn for_anybody(&self, job: &str) -> NewRun {
        NewRun { owner: String::new(), placement: "any".to_owned(), ..self.new_run(job) }
    }

    /// Records a run and starts it.
    async fn running(&self, store: &dyn Store, job: &str) -> NewRun {
        let new = self.queued(store, job).await;
        took(store, &[RunChange::start(new.id, ME, new.queued_at).into()]).await;
        new
    }
}

/// Milliseconds after a fixed moment.
fn at(millis: i64) -> Instant {
    Instant::from_timestamp_millis(1_795_000_000_000).unwrap() + TimeDelta::milliseconds(millis)
}

fn job_id(text: &str) -> JobId {
    JobId::new(text).unwrap()
}

fn step_name(text: &str) -> StepName {
    StepName::new(text).unwrap()
}

fn map(json: &str) -> JsonMap {
    match json.parse::<Json>().unwrap() {
        Json::Object(map) => map,
        other => panic!("not an object: {other}"),
    }
}

/// What runs of `job` do.
fn definition(job: &str) -> Arc<str> {
    format!(r#"{{"steps of":"{job}"}}"#).into()
}

/// A process that takes up what is for anybody, after it has introduced itself.
async fn claimer(store: &dyn Store, owner: &str, most: u32) -> Claim {
    store.beat(&presence(owner), at(0)).await.unwrap();
    Claim { owner: owner.to_owned(), placements: Placement::accepted(owner, &[]), most, limits: Limits::new() }
}

fn presence(owner: &str) -> Presence {
    Presence {
        owner: owner.to_owned(),
        role: "server".to_owned(),
        labels: Vec::new(),
        url: None,
        version: "1.2.3".to_owned(),
        scheduler_enabled: true,
        room: 16,
        started_at: at(0),
    }
}

/// Takes runs up; their ids.
async fn claim(store: &dyn Store, claim: &Claim) -> Vec<RunId> {
    store.claim_runs(claim).await.unwrap().into_iter().map(|claimed| claimed.run.id).collect()
}

fn slot(job: &str, due: i64) -> Slot {
    Slot { job_id: job_id(job), schedule: "default".to_owned(), due_at: at(due) }
}

fn line(run: RunId, seq: u64, message: &str) -> LogLine {
    LogLine {
        run_id: run,
        seq,
        at: at(seq.min(1_000_000) as i64),
        level: LogLevel::Info,
        step: (seq % 2 == 1).then(|| step_name("extract")),
        attempt: u32::from(seq % 2 == 1),
        message: message.to_owned(),
    }
}

fn first_attempt(run: RunId, index: u32) -> AttemptKey<'static> {
    AttemptKey { run_id: run, index, attempt: 1, owner: ME.into() }
}

/// Applies changes that must take.
async fn took(store: &dyn Store, changes: &[Change]) {
    assert_eq!(store.apply(changes).await.unwrap(), Applied::Yes, "{changes:?}");
}

async fn get(store: &dyn Store, id: RunId) -> Run {
    store.find_run(id).await.unwrap().unwrap()
}

fn started(run: RunId, index: u32) -> Change {
    StepChange::start(first_attempt(run, index), at(1), Json::Null).into()
}
