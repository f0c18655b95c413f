/** Made by `npm run types` from host/api/openapi.json. Do not edit. */

export interface components {
    schemas: {
        /** @description What this server is. */
        About: {
            /** @description `x86_64`, `aarch64` … */
            arch: string;
            /**
             * Format: date-time
             * @description When it was built; null of a build that is not optimized.
             */
            built_at: string | null;
            /** @description Of the source it was built from, where the builder said so. */
            commit: string | null;
            /** @description `linux`, `macos` … */
            os: string;
            /** @description The process that answers. */
            replica: string;
            role: string;
            /** Format: date-time */
            server_time: string;
            /** Format: date-time */
            started_at: string;
            /** @description `sqlite` or `postgres`. */
            store: string;
            /** @description The zone of schedules that name none. */
            timezone: string;
            version: string;
        };
        /** @enum {string} */
        AccountSource: "local" | "oidc" | "ldap";
        /** @description How accurately schedules fired. */
        Accuracy: {
            /** @description Until the run was recorded. */
            fire: components["schemas"]["Lateness"];
            fires: number;
            /** Format: date-time */
            from: string;
            hours: components["schemas"]["AccuracyHour"][];
            /** @description The latest ten. */
            latest: components["schemas"]["LateFire"][];
            /** @description Newest first, at most 200. */
            lost: components["schemas"]["LostSlot"][];
            /** @description Until the run began: also what it waited for others. */
            start: components["schemas"]["Lateness"];
            /** Format: date-time */
            to: string;
            /** @description There are more fires or slots than were looked at. */
            truncated: boolean;
        };
        /** @description An hour. */
        AccuracyHour: {
            /** Format: date-time */
            at: string;
            fires: number;
            /** @description Slots that did not fire. */
            lost: number;
            /** @description Until the run began. */
            start: components["schemas"]["Lateness"];
        };
        /** @enum {string} */
        AlertEvent: "failed" | "succeeded" | "recovered" | "canceled" | "skipped" | "long_run" | "no_success" | "test";
        /** @description A rule: which events go to whom. Conditions that are empty hold always; all of them have to hold. */
        AlertRoute: {
            /** @description The routes after it are looked at too. */
            continue: boolean;
            enabled: boolean;
            /** @description Empty: those that are told without being asked for. */
            events: components["schemas"]["AlertEvent"][];
            /**
             * Format: int32
             * @description Null: as set for all routes.
             */
            group_seconds: number | null;
            /** @description Ids; `*` and `?` as in a shell. */
            jobs: string[];
            min_severity: components["schemas"]["AlertSeverity"] | null;
            name: string;
            quiet_hours: components["schemas"]["QuietHours"] | null;
            /** @description Channels, addresses, names of transports; empty: every transport at its default recipient. */
            recipients: string[];
            tags: string[];
        };
        /** @description A route as it is written; a key that is left out is at its default. */
        AlertRouteBody: {
            continue?: boolean | null;
            enabled?: boolean | null;
            events?: components["schemas"]["AlertEvent"][] | null;
            /** Format: int32 */
            group_seconds?: number | null;
            jobs?: string[] | null;
            min_severity?: components["schemas"]["AlertSeverity"] | null;
            name: string;
            quiet_hours?: components["schemas"]["QuietHoursBody"] | null;
            recipients?: string[] | null;
            tags?: string[] | null;
        };
        /** @description The ordered list of routes. */
        AlertRoutes: {
            /** @description For `If-Match` when they are written. */
            etag: string;
            /** @description Those of `app.toml`, which are looked at first. */
            from_file: components["schemas"]["AlertRoute"][];
            routes: components["schemas"]["AlertRoute"][];
            /** Format: date-time */
            updated_at: string | null;
            updated_by: string | null;
        };
        /** @description The body of `PUT /admin/notifications/routes`. */
        AlertRoutesBody: {
            /** @default [] */
            routes: components["schemas"]["AlertRouteBody"][];
        };
        /** @enum {string} */
        AlertSeverity: "low" | "medium" | "high";
        /** @description The process is up. */
        Alive: {
            /** @example ok */
            status: string;
            version: string;
        };
        /** @description The jobs of an app, with the keys of its file. */
        AppJobs: {
            app: string;
            etag: string;
            jobs: Record<string, unknown>[];
            meta: Record<string, unknown>;
            path: string;
        };
        /** @description The jobs of an app that were put in place of others. */
        AppJobsSaved: components["schemas"]["AppJobs"] & {
            /** @description How many. */
            saved: number;
        };
        /** @description The body of an approval. */
        ApproveBody: {
            /**
             * @description What was looked at; refused when another version is in force by now.
             * @default null
             */
            digest?: string | null;
        };
        /** @description What somebody did, or tried to do. */
        AuditEntry: {
            action: string;
            address: string;
            /** Format: date-time */
            at: string;
            detail: Record<string, unknown>;
            object: string;
            outcome: components["schemas"]["AuditOutcome"];
            /** Format: int64 */
            seq: number;
            source: string;
            user: string;
        };
        /** @description The newest entry. */
        AuditLast: {
            hash: string;
            /** Format: int64 */
            seq: number;
        };
        /** @enum {string} */
        AuditOutcome: "begun" | "done" | "failed" | "refused";
        /** @description A page of the trail. */
        AuditPage: {
            entries: components["schemas"]["AuditEntry"][];
            /** @description For `cursor` of the next page; null on the last. */
            next_cursor: string | null;
        };
        /** @description What the chain of hashes says. */
        AuditVerdict: {
            /**
             * Format: int64
             * @description The first entry that is wrong.
             */
            broken_at: number | null;
            /** Format: int64 */
            entries: number;
            last: components["schemas"]["AuditLast"];
            ok: boolean;
            why: string | null;
        };
        /** @description What to save, and when it was. */
        BackupState: {
            /**
             * Format: date-time
             * @description As the audit trail says; null when there was none, or longer ago than the trail reaches.
             */
            last_backup_at: string | null;
            /** @description By whom. */
            last_backup_by: string | null;
            /**
             * Format: date-time
             * @description When somebody last took the whole catalogue out; null like the other.
             */
            last_export_at: string | null;
            /** @description Who that was. */
            last_export_by: string | null;
            /** @description In the order in which it is put back. */
            things: components["schemas"]["ThingToSave"][];
        };
        /** @description Fires at a steady rhythm. */
        Band: {
            /** @description The count is reckoned from the rhythm. */
            approximate?: boolean;
            /** Format: int64 */
            count: number;
            /** Format: int64 */
            every_seconds: number;
            /** Format: date-time */
            first: string;
            /** Format: date-time */
            last: string;
        };
        /** @description A job that would not be valid any more. */
        BrokenJobView: {
            id: string;
            problems: string[];
        };
        /** @description The bundle. */
        Bundle: {
            about: components["schemas"]["About"];
            connectors: components["schemas"]["ConnectorFact"][];
            /** @description What is wrong with files, at most 200. */
            findings: components["schemas"]["FindingView"][];
            /**
             * Format: int32
             * @description Of this document: 1.
             */
            format: number;
            health: components["schemas"]["Health"];
            log: components["schemas"]["LogTail"];
            /** @description Parts that could not be told, with the reason. */
            missing: string[];
            plugins: components["schemas"]["PluginFact"][];
            process: components["schemas"]["ProcessView"];
            /** @description As they count for this process, without passwords. */
            settings: components["schemas"]["SettingView"][];
            store: components["schemas"]["StoreView"] | null;
            /** Format: date-time */
            taken_at: string;
        };
        /** @description A span of time with what fires, ran and fell through in it. */
        Calendar: {
            /** Format: date-time */
            from: string;
            /** @description A row for each schedule, by job. */
            jobs: components["schemas"]["CalendarRow"][];
            /** @description Maintenance windows that reach into the span, by their beginning. Nothing in `jobs` falls into one. */
            maintenance: components["schemas"]["Maintenance"][];
            /**
             * Format: date-time
             * @description Fires before this instant have become runs or slots.
             */
            now: string;
            /** @description The newest of the span, newest first. */
            runs: components["schemas"]["CalendarRun"][];
            /** @description Newest first; those to come are skipped once. */
            slots: components["schemas"]["CalendarSlot"][];
            /** Format: date-time */
            to: string;
            /** @description There are more runs or slots than are shown. */
            truncated: boolean;
        };
        /** @description A schedule of a job. What it fires is in `fires` and `bands` together. */
        CalendarRow: {
            bands: components["schemas"]["Band"][];
            /** @description Of both the job and the schedule. */
            enabled: boolean;
            fires: string[];
            /** @description The job. */
            id: string;
            /**
             * Format: double
             * @description Usual length of its runs; null when none succeeded.
             */
            p50_seconds: number | null;
            /** Format: double */
            p95_seconds: number | null;
            schedule: string;
            timezone: string;
        };
        /** @description A run in the calendar. */
        CalendarRun: {
            /**
             * Format: date-time
             * @description When it began, or was queued.
             */
            at: string;
            id: string;
            job_id: string;
            schedule: string | null;
            /**
             * Format: double
             * @description Null while it runs.
             */
            seconds: number | null;
            status: components["schemas"]["RunStatus"];
        };
        /** @description A slot that did not fire. */
        CalendarSlot: {
            /** Format: date-time */
            due_at: string;
            job_id: string;
            outcome: components["schemas"]["SlotOutcome"];
            reason: string | null;
            schedule: string;
        };
        /** @enum {string} */
        CallableKind: "component" | "python";
        /** @description Everything steps can call. */
        CallablePage: {
            callables: components["schemas"]["CallableView"][];
            /** @description The folder with a folder for each app. */
            plugins_root: string;
            /** @description Why some apps or files could not be looked at. */
            problems: string[];
        };
        /** @description Something a step can name. */
        CallableView: {
            /**
             * @description As a step writes it.
             * @example sales.totals:refresh
             */
            callable: string;
            /** @description Markdown; may be empty. */
            doc: string;
            kind: components["schemas"]["CallableKind"];
            /** @description JSON Schema of its parameters. */
            params: unknown;
            /** @description JSON Schema of what it returns; null where nobody knows. */
            result: unknown;
            /** @description The `type` of a step that runs it. */
            step_type: string;
            /** @description One line; may be empty. */
            title: string;
        };
        /** @description A request to cancel that was taken. */
        CancelRequested: {
            canceled_by: string;
            run_id: string;
            /** @example requested */
            status: string;
        };
        /** @description Something that was looked at. */
        Check: {
            /** @description What to do; null where nothing has to be done. */
            advice: string | null;
            /**
             * Format: date-time
             * @description Of a backup: when it was taken.
             */
            at: string | null;
            /**
             * Format: date-time
             * @description Of a backup: when the catalogue was last exported.
             */
            export_at: string | null;
            /**
             * Format: double
             * @description Milliseconds of the store, free bytes of the disk, seconds of a clock; or how many: armed schedules, invalid jobs, broken
             *     files, versions, streams.
             */
            figure: number | null;
            name: components["schemas"]["CheckName"];
            /** @description Of the things that are not as they should be, and of versions, the first few. */
            names: string[];
            /**
             * Format: date-time
             * @description Since when this process has seen it in this state.
             */
            since: string;
            state: components["schemas"]["CheckState"];
            /** @description In English. */
            text: string;
        };
        /** @description When a schedule of a submitted job would fire. */
        CheckedSchedule: {
            next: string[];
            schedule: string;
            timezone: string;
        };
        /** @enum {string} */
        CheckName: "store" | "scheduler" | "schedules" | "catalogue" | "plugins" | "versions" | "clocks" | "disk" | "streams" | "backup";
        /** @enum {string} */
        CheckState: "ok" | "look" | "bad";
        /** @description A connector. */
        ConnectorFact: {
            /** @description Null for a directory. */
            dialect: string | null;
            /** Format: int32 */
            in_use: number | null;
            name: string;
            /** Format: int32 */
            pool_size: number | null;
            /** @description Without credentials. */
            target: string | null;
            /** Format: int32 */
            waiting: number | null;
        };
        /** @description Every connector. */
        ConnectorList: {
            /** @description By name. */
            connectors: components["schemas"]["ConnectorView"][];
        };
        /** @description What a test came to. */
        ConnectorTestView: {
            /** @description Whether the connection is encrypted, where that can be told. */
            encrypted: boolean | null;
            /** Format: double */
            ms: number;
            ok: boolean;
            server_version: string | null;
            /** @description In their order, up to the first that failed. */
            stages: components["schemas"]["StageView"][];
        };
        /** @description A connector. */
        ConnectorView: {
            dialect: components["schemas"]["Dialect"] | null;
            last_test: components["schemas"]["LastTest"] | null;
            name: string;
            pool: components["schemas"]["PoolView"] | null;
            read_only: boolean;
            /** @description Where it leads, without credentials. */
            target: string | null;
            /** @description `sql` or `ldap`. */
            type: string;
            /** @description Ids of the jobs that name it, as far as the caller may see them. */
            used_by: string[];
        };
        /** @description What a schedule would do. */
        CronPreview: {
            expression: string;
            never_fires: boolean;
            next: components["schemas"]["LocalInstant"][];
            notes: components["schemas"]["ScheduleNote"][];
            timezone: string;
        };
        /** @description What a run does, as the document describes it. On the wire it is the model's own form, which is kept as long as the run. */
        Definition: {
            app: string;
            on_restart: string;
            params: Record<string, unknown>;
            retry: Record<string, unknown>;
            /** @description What the schedule that fired it sets over the job. */
            schedule: Record<string, unknown>;
            steps: Record<string, unknown>[];
            /** Format: int32 */
            timeout_seconds: number | null;
            /** @description The zone of date words. */
            zone: string;
        };
        /** @description One message to one recipient. */
        Delivery: {
            /** Format: date-time */
            at: string;
            /** Format: int32 */
            attempts: number;
            /**
             * Format: int32
             * @description Notices that became this message; more than are listed when there are very many.
             */
            count: number;
            /** @description Why the last attempt failed. */
            error: string | null;
            /** @description The worst of what it tells. */
            event: components["schemas"]["AlertEvent"];
            /** Format: date-time */
            finished_at: string | null;
            id: string;
            job_id: string | null;
            /** Format: date-time */
            next_attempt_at: string | null;
            notices: components["schemas"]["Notice"][];
            outcome: components["schemas"]["DeliveryOutcome"];
            /** @description Empty: the transport's default. */
            recipient: string;
            /** @description Who asked for it, of a test or a repetition. */
            requested_by: string | null;
            resend_of: string | null;
            /** @description The route that sent it this way. */
            route: string | null;
            run_id: string | null;
            /** @description Empty when none could be found for the recipient. */
            transport: string;
        };
        /** @description One attempt to deliver. */
        DeliveryAttempt: {
            /** @description What the other side said, or why it could not be asked. */
            answer: string;
            /** Format: date-time */
            at: string;
            /** Format: int32 */
            attempt: number;
            /** Format: int32 */
            ms: number;
            ok: boolean;
        };
        /** @description A message with its attempts. */
        DeliveryDetail: components["schemas"]["Delivery"] & {
            attempt_list: components["schemas"]["DeliveryAttempt"][];
        };
        /** @enum {string} */
        DeliveryOutcome: "PENDING" | "SENDING" | "SENT" | "FAILED";
        /** @description A page of deliveries. */
        DeliveryPage: {
            /** @description Newest first. */
            deliveries: components["schemas"]["Delivery"][];
            /** @description For `cursor` of the next page; null on the last. */
            next_cursor: string | null;
        };
        /** @description A delivery that goes out once more. */
        DeliveryResent: {
            /** @description The new one. */
            id: string;
            resend_of: string;
        };
        /** @enum {string} */
        Dialect: "sqlite" | "postgres" | "mysql" | "oracle" | "sqlserver" | "odbc";
        /** @description An instant at which the job is due. */
        DueInstant: {
            /** Format: date-time */
            at: string;
            enabled: boolean;
            /** Format: date-time */
            local: string;
            schedule: string;
        };
        /** @description What was revoked or ended. */
        Ended: {
            id: string;
        };
        /** @description Why an attempt failed. */
        ErrorView: {
            detail: string;
            kind: string;
            message: string;
        };
        /** @description What a pass of retention would remove. */
        Estimate: {
            /** Format: date-time */
            cutoff: string;
            /** Format: int64 */
            history_days: number;
            /** Format: int64 */
            log_rows: number;
            /** Format: int64 */
            run_rows: number;
            /** Format: int64 */
            slot_rows: number;
            /** Format: int64 */
            step_rows: number;
        };
        /** @description Something found about a submitted job. */
        FieldFinding: {
            /** @description What may be there, if that is a short list. */
            allowed: string[];
            code: string;
            /** Format: int32 */
            column: number;
            /** @description The value that is there, if it may be shown. */
            found: unknown;
            hint: string | null;
            /** Format: int32 */
            length: number;
            /** Format: int32 */
            line: number;
            message: string;
            /** @description JSON Pointer into the job. */
            pointer: string;
            severity: components["schemas"]["Severity"];
        };
        /** @description A finding about a file. */
        Finding: {
            code: string;
            /** Format: int32 */
            column: number;
            file: string;
            hint: string | null;
            job_id: string | null;
            /** Format: int32 */
            line: number;
            message: string;
            severity: components["schemas"]["Severity"];
        };
        /** @description A finding about a file. */
        FindingView: {
            /** @description Stable. */
            code: string;
            file: string;
            is_error: boolean;
            /** Format: int32 */
            line: number;
            message: string;
        };
        /** @description What a run was given. */
        Given: {
            log_level: components["schemas"]["LogLevel"];
            /** @description What of that was said for this run. */
            overrides: Record<string, unknown>;
            /** @description Shared parameters and, by step, keyword arguments, as they came out. */
            params: Record<string, unknown>;
            /** Format: date-time */
            queued_at: string;
            /** @description The newest run that was given it. */
            run_id: string;
            status: components["schemas"]["RunStatus"];
            triggered_by: string;
        };
        /** @description Whether schedules fire and runs can be recorded. */
        Health: components["schemas"]["Standing"] & {
            /** @description What can be wrong, each thing with its state. */
            checks: components["schemas"]["Check"][];
            invalid_jobs: number;
            /** @description Jobs that can run. */
            jobs: number;
            /** Format: date-time */
            paused_at: string | null;
            paused_by: string | null;
            /** @description The process that answers. */
            replica: string;
            /** @description Not over, in any process; null when the store does not answer. */
            runs_in_flight: number | null;
            scheduler: components["schemas"]["SchedulerState"];
            scheduler_enabled: boolean;
            store: components["schemas"]["StoreHealth"];
            version: string;
        };
        /** @description A remark with its text, as it stands under `problems` or `notes`. */
        HealthRemark: components["schemas"]["Remark"] & {
            text: string;
        };
        /** @description A job that an import changes. */
        ImportChange: {
            /** @description In unified form. */
            diff: string;
            id: string;
        };
        /** @description A job that an import cannot take. */
        ImportInvalid: {
            id: string;
            problems: components["schemas"]["FieldFinding"][];
        };
        /** @description The next fire of a job that an import brings. */
        ImportNext: {
            /** Format: date-time */
            at: string;
            id: string;
        };
        /** @description What an import does. */
        ImportPlan: {
            /** @description Whether it was done. */
            applied: boolean;
            changed: components["schemas"]["ImportChange"][];
            connectors_missing: string[];
            invalid: components["schemas"]["ImportInvalid"][];
            new: string[];
            next: components["schemas"]["ImportNext"][];
            removed: string[];
            same: string[];
            secrets_missing: string[];
        };
        /** @description The last different sets of values that the runs of a job were given. */
        Inputs: {
            /** @description At most 10, newest first. */
            inputs: components["schemas"]["Given"][];
            job_id: string;
        };
        /** @description A job as submitted: with the keys of the file, or as the text of its table. */
        JobBody: {
            /** @default null */
            app?: string | null;
            job?: Record<string, unknown> | null;
            /**
             * @description Of `validate`: the id of the job it would take the place of.
             * @default null
             */
            replaces?: string | null;
            /** @default null */
            text?: string | null;
        };
        /** @description A job in the catalogue. */
        JobCard: {
            active_run_id: string | null;
            app: string;
            description: string;
            enabled: boolean;
            id: string;
            last_run: components["schemas"]["RunSummary"] | null;
            /** @description Whether Run now opens the dialog (seeds, catalogue: parameters, keyword arguments or several steps). */
            needs_dialog: boolean;
            /** Format: date-time */
            next_run_at: string | null;
            problems: components["schemas"]["Finding"][];
            /** @description Its last runs, oldest first, as many as were asked for. */
            recent: components["schemas"]["RecentRun"][];
            schedule: string | null;
            step_count: number;
            tags: string[];
            timezone: string | null;
            /** @description False: it cannot run; `problems` say why. */
            valid: boolean;
            /** @description What an operator should know although nothing is wrong with the file. */
            warnings: components["schemas"]["Warning"][];
        };
        /** @description What was found about a submitted job. */
        JobChecked: {
            next: components["schemas"]["CheckedSchedule"][];
            problems: components["schemas"]["FieldFinding"][];
            valid: boolean;
        };
        /** @description A job that is not in the catalogue any more. */
        JobDeleted: {
            deleted: string;
        };
        /** @description A job with its definition and latest runs. */
        JobDetail: components["schemas"]["JobCard"] & {
            log_level: components["schemas"]["LogLevel"];
            /**
             * Format: int32
             * @description A run that takes longer raises an alert; none without.
             */
            long_run_minutes: number | null;
            on_restart: components["schemas"]["OnRestart"];
            overlap: components["schemas"]["Overlap"];
            params: Record<string, unknown>;
            /** @description None: `here` for a run that somebody asks for, `any` for one that a schedule fires. */
            placement: string | null;
            presets: components["schemas"]["PresetView"][];
            retry: components["schemas"]["RetryView"];
            runs: components["schemas"]["RunSummary"][];
            schedules: components["schemas"]["ScheduleView"][];
            source: components["schemas"]["SourceView"] | null;
            steps: components["schemas"]["StepDefinition"][];
            /** Format: int32 */
            timeout_seconds: number | null;
        };
        /** @description What changed between two versions. */
        JobDiff: {
            /**
             * Format: int32
             * @description Null: there was none before.
             */
            from: number | null;
            /**
             * Format: int32
             * @description Null: what is saved now.
             */
            to: number | null;
            unified: string;
        };
        /** @description Every declared job. */
        JobList: {
            /** @description Not over, in any process. */
            active_run_ids: string[];
            /** @description By id. */
            jobs: components["schemas"]["JobCard"][];
            /** @description About files rather than jobs. */
            problems: components["schemas"]["Finding"][];
        };
        /** @description A save that was done. The job is in force. */
        JobSaved: {
            etag: string;
            id: string;
            path: string;
            /** Format: int32 */
            version: number;
            warnings: components["schemas"]["FieldFinding"][];
        };
        /** @description The body of `PUT /admin/config/jobs/parsed`. */
        JobsBody: {
            /** @default [] */
            jobs?: Record<string, unknown>[];
            /** @description Stays as it is in the file. */
            meta?: Record<string, unknown> | null;
        };
        /** @description What is saved for a job. */
        JobSource: {
            app: string;
            etag: string;
            id: string;
            /** @description Both together, with the keys of the file. */
            job: Record<string, unknown>;
            /** @description The overlay, if there is one. */
            local: string | null;
            path: string;
            /** @description The job as it stands in the file. */
            text: string;
            /** @description The file came with a package; what is changed goes into an overlay. */
            vendor: boolean;
            /** @description Both together, as one text. */
            whole: string;
        };
        /** @description How long the runs of a job take. */
        JobStats: {
            canceled: number;
            failed: number;
            job_id: string;
            /**
             * Format: double
             * @description Of those that succeeded; null when none did.
             */
            median_seconds: number | null;
            /**
             * Format: double
             * @description As above: 95 of 100 were done by then.
             */
            p95_seconds: number | null;
            /** @description The last 200 runs but the skipped, oldest first. */
            runs: components["schemas"]["RecentRun"][];
            /** @description Of the last 20 runs that succeeded, before the run that was named. */
            steps: components["schemas"]["StepMedian"][];
            succeeded: number;
        };
        /** @description Something that was saved for a job before. */
        JobVersion: {
            /** Format: date-time */
            at: string;
            by: string;
            change: components["schemas"]["VersionChange"];
            etag: string;
            /** Format: int32 */
            version: number;
        };
        /** @description What was saved for a job before. */
        JobVersionList: {
            versions: components["schemas"]["JobVersion"][];
        };
        /** @description A version with its text. */
        JobVersionText: components["schemas"]["JobVersion"] & {
            text: string;
        };
        /** @description The delivery over a transport that ended last. */
        LastDelivery: {
            /** Format: date-time */
            at: string;
            /** Format: int32 */
            attempts: number;
            error: string | null;
            id: string;
            outcome: components["schemas"]["DeliveryOutcome"];
        };
        /** @description A test, as it was remembered by the process that answers. */
        LastTest: {
            /** Format: date-time */
            at: string;
            /** @description Of the stage that failed, or the server's version. */
            detail: string;
            /** Format: double */
            ms: number;
            ok: boolean;
        };
        /** @description A fire that came late. */
        LateFire: {
            /** Format: date-time */
            due_at: string;
            job_id: string;
            run_id: string;
            schedule: string;
            /**
             * Format: double
             * @description Until its run began.
             */
            seconds: number;
        };
        /** @description How much later than due, in seconds; null without a fire. */
        Lateness: {
            /** Format: double */
            max: number | null;
            /** Format: double */
            p50: number | null;
            /** Format: double */
            p95: number | null;
        };
        LeaseView: {
            holder: string;
            /**
             * Format: date-time
             * @description By the holder's clock.
             */
            seen_at: string;
            /** Format: int64 */
            term: number;
        };
        /** @description Lines of one level. */
        LevelCount: {
            /** Format: int64 */
            count: number;
            level: components["schemas"]["LogLevel"];
        };
        /** @description A line of a run's log. */
        LineView: {
            /** Format: date-time */
            at: string;
            /** Format: int32 */
            attempt: number;
            level: components["schemas"]["LogLevel"];
            message: string;
            /** Format: int64 */
            seq: number;
            step: string | null;
        };
        /** @description How busy it was. */
        Load: {
            /** Format: date-time */
            from: string;
            pools: components["schemas"]["PoolLoad"][];
            /** @description The process whose pools these are. */
            replica: string;
            /**
             * Format: int32
             * @description Length of a stretch.
             */
            stretch_seconds: number;
            /** @description Without a gap, oldest first. */
            stretches: components["schemas"]["LoadStretch"][];
            /** Format: date-time */
            to: string;
        };
        /** @description A stretch of time. The last one has only begun. */
        LoadStretch: {
            /**
             * Format: date-time
             * @description Its beginning.
             */
            at: string;
            /**
             * Format: int64
             * @description Log lines that were written.
             */
            lines: number;
            /**
             * Format: double
             * @description The same for each of its seconds.
             */
            lines_per_second: number;
            /**
             * Format: int64
             * @description Runs that waited, the most at once.
             */
            queued: number;
            /**
             * Format: int64
             * @description Runs that ran, the most at once.
             */
            running: number;
        };
        /** @description An instant, by UTC and by the clock of its zone. */
        LocalInstant: {
            /** Format: date-time */
            at: string;
            /** Format: date-time */
            local: string;
        };
        /** @description How the log of a run is made up. */
        LogCounts: {
            /** @description Every level, in rising order. */
            by_level: components["schemas"]["LevelCount"][];
            /** @description In the order of their first lines. */
            by_step: components["schemas"]["StepLines"][];
            /** Format: int64 */
            total: number;
        };
        /** @description Where a run warned and failed: its log in parts of the same length. */
        LogDensity: {
            /** @description Errors of each part. */
            errors: number[];
            /**
             * Format: int64
             * @description Lines of the whole log.
             */
            total: number;
            /** @description Warnings of each part. */
            warnings: number[];
        };
        /** @description Lines of a run as the event stream carries them. */
        LogEvent: {
            /**
             * Format: int64
             * @description The number of the first.
             */
            from: number;
            lines: components["schemas"]["LineView"][];
            run_id: string;
        };
        /** @description A line that fits. */
        LogHit: {
            /** Format: date-time */
            at: string;
            job_id: string;
            level: components["schemas"]["LogLevel"];
            /** @description Where the words are in `text`: begin and end in UTF-16 code units, as JavaScript counts. */
            marks: number[][];
            /**
             * Format: int64
             * @description Of the line in its run, from 0.
             */
            number: number;
            run_id: string;
            /** @description Null for a line of the run itself. */
            step: string | null;
            text: string;
        };
        /** @description A page of lines. */
        LogHitPage: {
            /** @description Those written last first. */
            hits: components["schemas"]["LogHit"][];
            /** @description The time of the search ran out before the page was full; `next_cursor` goes on from there. */
            incomplete: boolean;
            /**
             * Format: date-time
             * @description Lines said before this instant are not all in the index yet; null when everything is.
             */
            indexed_from: string | null;
            /** @description For `cursor` of the next page; null on the last. */
            next_cursor: string | null;
        };
        /** @description The lines that fit. */
        LogHits: {
            /**
             * Format: int64
             * @description The lines looked at end before this one; a run in flight goes on.
             */
            end: number;
            /** @description Their numbers, in order. */
            numbers: number[];
            /**
             * Format: int64
             * @description How many fit.
             */
            total: number;
            /** @description More fit than there are numbers here. */
            truncated: boolean;
        };
        /** @description The body of `POST /auth/login`: user and password, or the bootstrap token. */
        LoginBody: {
            /** @default null */
            password?: string | null;
            /** @default null */
            token?: string | null;
            /** @default null */
            user?: string | null;
        };
        /** @description What the form of that page sends. */
        LoginForm: {
            /** @default  */
            password?: string;
            /**
             * @description Where to go then: a path of this server.
             * @default
             */
            to?: string;
            /** @default  */
            username?: string;
        };
        /** @enum {string} */
        LogLevel: "DEBUG" | "INFO" | "WARNING" | "ERROR";
        /** @description Lines of a run. */
        LogPage: {
            /** Format: int64 */
            from: number;
            lines: components["schemas"]["LineView"][];
            run_id: string;
            /**
             * Format: int64
             * @description Lines of the whole log.
             */
            total: number;
        };
        /** @description The last lines of the log of the process, as they went to standard error. */
        LogTail: {
            /**
             * Format: int64
             * @description Lines before them, which are not kept.
             */
            forgotten: number;
            /** @description Oldest first. */
            lines: string[];
        };
        /** @description A slot that did not fire. */
        LostSlot: {
            /** Format: date-time */
            due_at: string;
            job_id: string;
            outcome: components["schemas"]["SlotOutcome"];
            reason: string | null;
            schedule: string;
        };
        /** @description A span of time in which no schedule fires. */
        Maintenance: {
            /** Format: date-time */
            created_at: string;
            created_by: string;
            /** Format: date-time */
            from: string;
            id: string;
            /** @description Stands in every slot it skips; may be empty. */
            reason: string;
            state: components["schemas"]["MaintenanceState"];
            /**
             * Format: date-time
             * @description The first instant at which schedules fire again.
             */
            to: string;
        };
        /** @description The body of `POST /admin/maintenance`. */
        MaintenanceBody: {
            /**
             * @description RFC 3339, or a date or time by the clock of `zone`; now without one.
             * @default null
             * @example 2026-12-24T22:00
             */
            from?: string | null;
            /**
             * @description Stands in every slot the window skips.
             * @default
             * @example database upgrade
             */
            reason?: string;
            /**
             * @description The first instant at which schedules fire again.
             * @default
             * @example 2026-12-25T06:00
             */
            to?: string;
            /**
             * @description Name of a time zone for `from` and `to`; the server's without one.
             * @default null
             */
            zone?: string | null;
        };
        /** @description Windows. */
        MaintenanceList: {
            /** @description The latest first; those of the last year. */
            maintenance: components["schemas"]["Maintenance"][];
        };
        /**
         * @description Where a window stands.
         * @enum {string}
         */
        MaintenanceState: "planned" | "active" | "over";
        /** @description Who asks. */
        Me: {
            display_name: string;
            must_change_password: boolean;
            permissions: string[];
            source: string;
            user: string;
        };
        /** @description A part of a message. */
        MessagePart: {
            /** @example application/json */
            media_type: string;
            text: string;
        };
        /** @description A message as it would go out. */
        MessagePreview: {
            event: components["schemas"]["AlertEvent"];
            job_id: string;
            /** @description `[server] public_url` is not set, so that no message has a link. */
            links_missing: boolean;
            /** @description What the other side gets, part by part. */
            parts: components["schemas"]["MessagePart"][];
            /** @description Null: whoever is behind the transport's address. */
            recipient: string | null;
            run_id: string | null;
            /** @description No run is like this: the values are made up. */
            sample: boolean;
            title: string;
            /** @description What the message has that was hardly meant so. */
            warnings: string[];
        };
        /** @description Alerts that nobody wants to hear until an instant. */
        Mute: {
            /** Format: date-time */
            at: string;
            by: string;
            /**
             * Format: int64
             * @description Messages that were not sent because of it.
             */
            held: number;
            kind: components["schemas"]["MuteKind"];
            /** @description The id of a job, or the name of a route. */
            name: string;
            /** @description May be empty. */
            reason: string;
            /** Format: date-time */
            until: string;
        };
        /** @description What is to be muted. */
        MuteBody: {
            /** @default  */
            kind: components["schemas"]["MuteKind"];
            /**
             * Format: int32
             * @default null
             */
            minutes?: number | null;
            /**
             * @description The id of the job, or the name of the route.
             * @default
             */
            name: string;
            /** @default  */
            reason?: string;
            /**
             * Format: date-time
             * @description When it ends; or `minutes` from now.
             * @default null
             */
            until?: string | null;
        };
        /** @description A mute that was ended before its time. */
        MuteEnded: {
            ended: string;
        };
        /** @enum {string} */
        MuteKind: "job" | "route";
        /** @description Mutes that have not ended. */
        MuteList: {
            mutes: components["schemas"]["Mute"][];
        };
        /** @description The due instants next to the one asked for. */
        Nearest: {
            after: components["schemas"]["DueInstant"] | null;
            before: components["schemas"]["DueInstant"] | null;
        };
        /** @description The body of `POST /admin/tokens`. */
        NewTokenBody: {
            /**
             * Format: int32
             * @default null
             */
            expires_in_days?: number | null;
            /** @default  */
            name?: string;
            /**
             * @description It counts until it is revoked.
             * @default false
             */
            never_expires?: boolean;
            /**
             * @description What it may do; without it, what its owner may at this moment.
             * @default null
             */
            permissions?: string[] | null;
            /**
             * @description The account it stands for, when that is not the caller; for superusers.
             * @default null
             */
            user?: string | null;
        };
        /** @description The body of `POST /admin/users`. */
        NewUserBody: {
            /** @default  */
            display_name?: string;
            /** @default  */
            name?: string;
            /**
             * @description Without one, a one-time password is made and answered.
             * @default null
             */
            password?: string | null;
            /** @default [] */
            permissions?: string[];
        };
        /** @description A fire to come. */
        NextFire: {
            /** Format: date-time */
            at: string;
            /**
             * Format: date-time
             * @description By the clock of the schedule.
             */
            local: string;
            schedule: string;
            timezone: string;
        };
        /** @description The next fires of a job. */
        NextFires: {
            enabled: boolean;
            job_id: string;
            next: components["schemas"]["NextFire"][];
            /** @description Why there are none. */
            reason: string | null;
        };
        /** @description Something that happened to a job. */
        Notice: {
            /** Format: date-time */
            at: string;
            event: components["schemas"]["AlertEvent"];
            /** @description What is known of the run. */
            facts: Record<string, unknown>;
            job_id: string;
            run_id: string | null;
            severity: components["schemas"]["AlertSeverity"];
            tags: string[];
            /** @description One line that says what; may be empty. */
            text: string;
        };
        /** @description A password that works once. */
        OneTimePassword: {
            name: string;
            one_time_password: string;
            /** @description A link that brings it along, for the person to choose their own. */
            setup_path: string;
        };
        /** @enum {string} */
        OnRestart: "fail" | "resume";
        /** @enum {string} */
        Overlap: "skip" | "queue" | "allow" | "cancel_running";
        /** @description The body of `POST /auth/password`. */
        PasswordBody: {
            /** @default  */
            new?: string;
            /** @default  */
            old?: string;
        };
        /** @description A password that was changed. */
        PasswordChanged: {
            must_change_password: boolean;
            user: string;
        };
        /** @description The body of `PATCH /admin/jobs/{id}`. */
        PatchBody: {
            /** @default null */
            description?: string | null;
            /** @default null */
            enabled?: boolean | null;
            /** @default {} */
            schedules?: {
                [key: string]: components["schemas"]["SchedulePatch"];
            };
            /** @default null */
            tags?: string[] | null;
        };
        /** @description The body of `POST …/pause`. */
        PauseBody: {
            /**
             * @description Stands in every slot the pause misses.
             * @default
             * @example maintenance
             */
            reason?: string;
        };
        /** @description A plugin. */
        PluginFact: {
            app: string;
            callables: number;
            name: string;
            path: string;
            /** @description Why it is not loaded. */
            problem: string | null;
        };
        /** @description What a plugin may touch. Each list has a line per item, in the words of its file. */
        PluginGrants: {
            /** @description What its interfaces need before their calls do anything. */
            asked: string[];
            /** @description The file of grants; null when there is none. */
            file: unknown;
            granted: string[];
            limits: string[];
        };
        /** @description Every plugin. */
        PluginList: {
            /** @description By app, kind and name. */
            plugins: components["schemas"]["PluginView"][];
            /** @description Why some apps could not be looked at. */
            problems: string[];
        };
        /** @description What was found out about a component. */
        PluginReportView: {
            app: string;
            /** @description What it asks for, of that which can be granted. */
            asked: string[];
            /** @description Jobs that would break. */
            breaks: components["schemas"]["BrokenJobView"][];
            callables: string[];
            /** @description SHA-256 of the file. */
            digest: string;
            /** @description Whether it is in force now. */
            installed: boolean;
            /** @description Jobs that are invalid and would be valid. */
            mends: string[];
            path: string;
            plugin: string;
            /** @description The digest in force until now; null for a new plugin. */
            previous: string | null;
            /** @description What the one before could run, and this one cannot. */
            removed: string[];
            /**
             * Format: int64
             * @description In bytes.
             */
            size: number;
            /** @description What of that goes beyond what was approved. */
            unapproved: string[];
        };
        /** @description What the calls of one version came to. */
        PluginStatsOfVersion: {
            digest: string;
            stats: components["schemas"]["PluginStatsView"];
        };
        /** @description What many calls came to. */
        PluginStatsView: {
            calls: number;
            /** Format: double */
            cpu_p50_ms: number;
            /** Format: double */
            cpu_total_ms: number;
            failed: number;
            /** Format: int64 */
            peak_memory_bytes: number;
            /** @description Traps and limits among them. */
            traps: number;
            /** Format: double */
            wall_p50_ms: number;
            /** Format: double */
            wall_p95_ms: number;
        };
        /** @description What calls of a plugin used. */
        PluginUsageView: {
            all: components["schemas"]["PluginStatsView"];
            since: string;
            /** @description There were more calls; the newest are counted. */
            truncated: boolean;
            /** @description Versions with calls, newest first. */
            versions: components["schemas"]["PluginStatsOfVersion"][];
        };
        /** @description A step that calls something of a plugin. */
        PluginUse: {
            callable: string;
            job: string;
            step: string;
        };
        /** @description Versions of a plugin. */
        PluginVersionList: {
            /** @description Newest first. */
            versions: components["schemas"]["PluginVersionView"][];
        };
        /** @description A version of a plugin. */
        PluginVersionView: {
            app: string;
            approved_at: string | null;
            approved_by: string | null;
            asked: string[];
            /** @description SHA-256 of the file. */
            digest: string;
            in_force: boolean;
            /** @description When it came into force the last time. */
            installed_at: string;
            /** @description `file` for a change by hand. */
            installed_by: string;
            /** @description Whether one can go back to it. */
            kept: boolean;
            /** @description Jobs that pin it, as far as the caller may see them. */
            pinned_by: string[];
            /**
             * Format: int64
             * @description In bytes.
             */
            size: number;
            /** @description What of that goes beyond what was approved. */
            unapproved: string[];
        };
        /** @description A plugin: a component, or a module of Python. */
        PluginView: {
            app: string;
            callables: components["schemas"]["CallableView"][];
            /** @description SHA-256 of the file. */
            digest: string | null;
            /** @description Why it is not loaded. */
            error: string | null;
            grants: components["schemas"]["PluginGrants"];
            /** @description Who put it there: `file` for whoever changed the folder; null where nobody knows. */
            installed_by: string | null;
            kind: components["schemas"]["CallableKind"];
            name: string;
            path: string;
            /**
             * Format: int64
             * @description In bytes.
             */
            size: number;
            /** @description `loaded`, `compiling`, `blocked` (it asks for more than was approved) or `failed`. */
            state: string;
            /** @description What it asks for beyond what was approved; its calls fail until that is empty. */
            unapproved: string[];
            /** @description As far as the caller may see those jobs. */
            used_by: components["schemas"]["PluginUse"][];
        };
        /** @description How a pool was used of late, in the process that answers. */
        PoolHistoryView: {
            pool: string;
            /** @description The last 15 minutes at most, oldest first. */
            samples: components["schemas"]["SampleView"][];
            /**
             * Format: int32
             * @description Of each sample.
             */
            seconds: number;
            /** Format: int32 */
            size: number;
        };
        /** @description A pool of the process that answers. */
        PoolLoad: {
            name: string;
            /**
             * Format: int32
             * @description Most connections at once.
             */
            size: number;
            /** @description Since the process began; stretches before that are missing. */
            stretches: components["schemas"]["PoolStretchView"][];
        };
        /** @description How a pool was used over a stretch. */
        PoolStretchView: {
            /** Format: date-time */
            at: string;
            /**
             * Format: int32
             * @description Connections that steps had, the most at once.
             */
            in_use: number;
            /**
             * Format: int32
             * @description Steps that waited for one, the most at once.
             */
            waiting: number;
        };
        /** @description How far a pool is used. */
        PoolView: {
            /**
             * Format: int32
             * @description Connections that steps have in the process that answers.
             */
            in_use: number;
            name: string;
            /** Format: int32 */
            size: number;
            /**
             * Format: int32
             * @description Steps that wait for one there.
             */
            waiting: number;
        };
        /** @description What somebody chose. */
        Preferences: {
            /** @description Whether there is an account to keep them with; the bootstrap token has none. */
            kept: boolean;
            /** @description Texts by name. */
            preferences: {
                [key: string]: string;
            };
        };
        /** @description The body of `PUT /auth/preferences`. */
        PreferencesBody: {
            /** @description Texts by name. */
            preferences: {
                [key: string]: string;
            };
        };
        /** @description A named set of values for a run that somebody asks for. */
        PresetView: {
            log_level: string | null;
            name: string;
            op_kwargs: Record<string, unknown>;
            params: Record<string, unknown>;
            step_enabled: Record<string, unknown>;
        };
        /** @description The body of a preview. */
        PreviewBody: {
            /** @default null */
            event?: components["schemas"]["AlertEvent"] | null;
            /** @default null */
            kind?: components["schemas"]["TransportKind"] | null;
            /**
             * @description The transport; with `kind`, the one whose secrets are kept where `{"keep": true}` says so.
             * @default null
             */
            name?: string | null;
            /**
             * @description The run it is told of; without it the newest one that came to that, among those the caller may see.
             * @default null
             */
            run_id?: string | null;
            /** @default {} */
            secrets?: {
                [key: string]: components["schemas"]["SecretWish"];
            };
            settings?: Record<string, unknown>;
        };
        /** @description The document of an error (RFC 9457). Some have more keys: `hint`, `needs`, `problems` … */
        Problem: {
            /**
             * @description What went wrong, for people.
             * @example there is no job `nightly`
             */
            detail: string;
            /** @description As in the header `X-Request-Id`, and in the server's log. */
            request_id: string;
            /**
             * Format: int32
             * @example 404
             */
            status: number;
            /**
             * @description The status in words.
             * @example Not Found
             */
            title: string;
            /**
             * @description `urn:nomaflow:problem:<code>`; the code is stable.
             * @example urn:nomaflow:problem:not-found
             */
            type: string;
        };
        /** @description The process and its machine. */
        ProcessView: {
            /**
             * Format: int64
             * @description Free where the home keeps its data.
             */
            disk_free_bytes: number | null;
            /** @description Processors it may use. */
            processors: number | null;
            /**
             * Format: int64
             * @description Memory in use, where the system tells it.
             */
            resident_bytes: number | null;
        };
        /** @description How far an attempt is. */
        ProgressView: {
            /** Format: date-time */
            at: string;
            /** Format: int32 */
            attempt: number;
            /** Format: int64 */
            done: number;
            note: string;
            /** Format: double */
            rate: number;
            run_id: string;
            /** Format: int32 */
            step_index: number;
            /** Format: int64 */
            total: number | null;
        };
        /** @description A way to sign in. */
        Provider: {
            kind: string;
            /** @description For people. */
            label: string;
            name: string;
            /** @description Where the browser goes to sign in; null: user and password are sent here. */
            start: string | null;
        };
        /** @description The ways to sign in. */
        ProviderList: {
            providers: components["schemas"]["Provider"][];
        };
        /** @description The body of a check. */
        QueryCheckBody: {
            /**
             * @description As a step writes it: SQL, or the name of a query of the connector (`name`, `name:write`).
             * @default
             * @example select * from flights where origin = :origin
             */
            query?: string;
        };
        /** @description What a database makes of a query. */
        QueryCheckView: {
            /** @description Whether it would refuse none of it. */
            ok: boolean;
            /** @description In their order. */
            statements: components["schemas"]["StatementView"][];
        };
        /** @description Queries of a connector. */
        QueryList: {
            queries: components["schemas"]["QueryView"][];
        };
        /** @description A query declared on a connector. */
        QueryView: {
            name: string;
            /** @description Its text for this database; null when it has none. */
            sql: string | null;
            /** @description Whether `name:write` may be used. */
            writable: boolean;
        };
        /** @enum {string} */
        Quiet: "hold" | "drop";
        /** @description When a route does not disturb, by the clocks of the zone. */
        QuietHours: {
            /** @example 22:00 */
            from: string;
            let_through: components["schemas"]["AlertSeverity"] | null;
            then: components["schemas"]["Quiet"];
            timezone: string;
            /** @example 07:00 */
            to: string;
        };
        /** @description When a route does not disturb. */
        QuietHoursBody: {
            /** @example 22:00 */
            from: string;
            let_through?: components["schemas"]["AlertSeverity"] | null;
            then?: components["schemas"]["Quiet"] | null;
            /** @description That of the server without it. */
            timezone?: string | null;
            /** @example 07:00 */
            to: string;
        };
        /** @description A run in the small history of a job. */
        RecentRun: {
            id: string;
            /** Format: date-time */
            queued_at: string;
            /**
             * Format: double
             * @description How long it ran; null when it has not begun or not ended.
             */
            seconds: number | null;
            status: components["schemas"]["RunStatus"];
        };
        /** @description What a reload found. */
        Reloaded: {
            /** @description Jobs that can run. */
            jobs: number;
            problems: components["schemas"]["Finding"][];
        };
        /** @description Something to tell, by its code. */
        Remark: {
            /** @enum {string} */
            code: "store-silent";
        } | {
            /** @enum {string} */
            code: "scheduler-stopped";
        } | {
            /** @enum {string} */
            code: "part-broke";
            what: string;
        } | {
            asking: number;
            /** @enum {string} */
            code: "lease-unheld";
            process: string;
        } | {
            /** @enum {string} */
            code: "lease-holder-silent";
            holder: string;
        } | {
            /** @enum {string} */
            code: "label-missing";
            label: string;
            waiting: number;
        } | {
            /** @enum {string} */
            code: "scheduler-unasked";
        } | {
            asking: number;
            /** @enum {string} */
            code: "scheduler-shared";
            holder: string;
        };
        /** @description The body of `POST /admin/jobs/{id}/rename`. */
        RenameBody: {
            /** @default  */
            id?: string;
        };
        /** @description The body of `POST …/replay`. */
        ReplayBody: {
            /**
             * @description `stored`, the default: the job as it was then; `current`: as it is now.
             * @default null
             */
            definition?: string | null;
            /**
             * @description The first step to run; none = all run.
             * @default null
             */
            from_step?: string | null;
        };
        ReplicaView: {
            labels: string[];
            /** @description Whether it may fire schedules. */
            lease: boolean;
            owner: string;
            role: string;
            /**
             * Format: int32
             * @description Runs it takes at once.
             */
            room: number;
            /** @description Runs it has begun. */
            running: number;
            scheduler_enabled: boolean;
            /**
             * Format: date-time
             * @description By its own clock.
             */
            seen_at: string;
            /** Format: date-time */
            started_at: string;
            url: string | null;
            version: string;
        };
        /** @description The body of `POST /admin/jobs/{id}/restore`. */
        RestoreBody: {
            /**
             * Format: int32
             * @default 0
             */
            version?: number;
        };
        /** @description A column of a result. */
        ResultColumnView: {
            name: string;
            /** @description Its type in the words of the database. */
            type: string;
        };
        /** @description The policy and its last pass. */
        Retention: {
            last_sweep: components["schemas"]["Sweep"] | null;
            policy: components["schemas"]["RetentionPolicy"];
        };
        /** @description How long history is kept. */
        RetentionPolicy: {
            /**
             * Format: int64
             * @description Runs that ended longer ago are removed.
             */
            history_days: number | null;
            /** @description The job that removes them. */
            job_id: string;
            /** Format: date-time */
            next_at: string | null;
        };
        RetryView: {
            /** Format: int32 */
            attempts: number;
            backoff: string;
            /** Format: int32 */
            base_seconds: number;
        };
        /** @description The body of a way back. */
        RollBackBody: {
            /**
             * @description What it asks for beyond what was approved is approved.
             * @default false
             */
            approve?: boolean;
            /**
             * @description Jobs may break.
             * @default false
             */
            break_jobs?: boolean;
            /**
             * @description How the digest of the version begins; without it, the version before.
             * @default null
             */
            digest?: string | null;
            /**
             * @description Only look at it.
             * @default false
             */
            dry_run?: boolean;
        };
        /** @description A run that was accepted. */
        RunAccepted: {
            job_id: string;
            /** @description The run it repeats. */
            replay_of?: string;
            run_id: string;
            status: components["schemas"]["RunStatus"];
            /**
             * @description Who asked.
             * @example user:alice
             */
            triggered_by: string;
        };
        /** @description The body of `POST …/run`: values for this fire only. */
        RunBody: {
            /**
             * @description `INFO` or `DEBUG`.
             * @default null
             * @example DEBUG
             */
            log_level?: string | null;
            /**
             * @description Over the keyword arguments, by step.
             * @default {}
             */
            op_kwargs?: {
                [key: string]: Record<string, unknown>;
            };
            /** @description Over the shared parameters. */
            params?: Record<string, unknown>;
            /**
             * @description Where the run goes, over the job's: `here` is the process that answers.
             * @default null
             */
            placement?: string | null;
            /**
             * @description A preset of the job, whose values apply under those given here.
             * @default null
             * @example full-load
             */
            preset?: string | null;
            /**
             * @description Which steps run, by step.
             * @default {}
             */
            step_enabled?: {
                [key: string]: boolean;
            };
        };
        /** @description Runs of one state and about one length in one stretch of time. */
        RunCount: {
            /** Format: int64 */
            count: number;
            /** Format: date-time */
            from: string;
            /**
             * Format: int32
             * @description They took at least so long; null for runs that have not begun or not ended.
             */
            seconds: number | null;
            status: components["schemas"]["RunStatus"];
            /** Format: date-time */
            to: string;
        };
        /** @description A run with every attempt. */
        RunDocument: {
            /**
             * Format: int64
             * @description Lines of its log.
             */
            log_total: number;
            /** @description The one right after it. */
            next_run_id: string | null;
            /** @description The run of its job right before it that was not skipped. */
            previous_run_id: string | null;
            run: components["schemas"]["RunView"];
            /** @description By step and attempt. */
            steps: components["schemas"]["StepView"][];
        };
        /** @description One run of the picture. */
        RunDot: {
            id: string;
            job_id: string;
            /** Format: date-time */
            queued_at: string;
            /**
             * Format: double
             * @description How long it ran; null when it has not begun or not ended.
             */
            seconds: number | null;
            status: components["schemas"]["RunStatus"];
        };
        /** @description A page of runs. */
        RunPage: {
            /** @description The time of the search ran out before the page was full; `next` goes on from there. */
            incomplete: boolean;
            /** @description For `before` of the next page; null on the last. */
            next: string | null;
            /** @description Newest first. */
            runs: components["schemas"]["RunSummary"][];
            /**
             * Format: date-time
             * @description Runs queued before about this instant were not looked at; null unless the page is incomplete.
             */
            searched_to: string | null;
        };
        /** @description The runs of a filter over time and length. */
        RunPlot: {
            /** @description Above 2,000 they are counted here; else empty. */
            counts: components["schemas"]["RunCount"][];
            /**
             * Format: date-time
             * @description When the oldest was queued; null when there is none.
             */
            from: string | null;
            /** @description Each of them, newest first; empty above 2,000. */
            runs: components["schemas"]["RunDot"][];
            /**
             * Format: date-time
             * @description Runs queued before about this instant were not looked at, because the time ran out; null when all were.
             */
            searched_to: string | null;
            /**
             * Format: date-time
             * @description When the newest was queued.
             */
            to: string | null;
            /**
             * Format: int64
             * @description How many were found.
             */
            total: number;
        };
        /** @enum {string} */
        RunStatus: "QUEUED" | "RUNNING" | "SUCCEEDED" | "FAILED" | "CANCELED" | "SKIPPED";
        /** @description A run in lists and events. */
        RunSummary: {
            /**
             * Format: date-time
             * @description When that was asked for; null too for a run that an earlier version was asked to cancel.
             */
            cancel_requested_at: string | null;
            /** @description Who has asked for its end; it goes on until its status says otherwise. */
            cancel_requested_by: string | null;
            error: string | null;
            /** Format: date-time */
            finished_at: string | null;
            id: string;
            job_id: string;
            log_level: components["schemas"]["LogLevel"];
            /** Format: date-time */
            queued_at: string;
            reason: string | null;
            replay_of: string | null;
            /** Format: int64 */
            rows_affected: number;
            schedule: string | null;
            /** Format: date-time */
            scheduled_at: string | null;
            /** Format: date-time */
            started_at: string | null;
            status: components["schemas"]["RunStatus"];
            /** Format: int32 */
            step_count: number;
            /** Format: int32 */
            steps_done: number;
            triggered_by: string;
        };
        /** @description A run with everything recorded about it. */
        RunView: components["schemas"]["RunSummary"] & {
            overrides: Record<string, unknown>;
            owner: string;
            params: Record<string, unknown>;
            placement: string;
            replay_from: string | null;
            /** Format: int32 */
            term: number;
        };
        /** @description How a pool was used over some seconds. */
        SampleView: {
            /**
             * Format: date-time
             * @description When they ended.
             */
            at: string;
            /**
             * Format: int64
             * @description Those that gave up waiting.
             */
            gave_up: number;
            /**
             * Format: int32
             * @description Most connections that steps had at once.
             */
            in_use: number;
            /**
             * Format: int64
             * @description The longest wait that ended, in milliseconds.
             */
            longest_ms: number;
            /**
             * Format: int64
             * @description Steps that had to wait for a connection.
             */
            queued: number;
            /**
             * Format: int32
             * @description Most steps that waited at once.
             */
            waiting: number;
        };
        /** @description Something worth knowing about a schedule. */
        ScheduleNote: {
            /** Format: date-time */
            at: string | null;
            code: string;
            message: string;
        };
        SchedulePatch: {
            enabled: boolean;
        };
        /** @description The same, with the processes of the store. */
        SchedulerStanding: components["schemas"]["SchedulerView"] & components["schemas"]["Standing"];
        /** @enum {string} */
        SchedulerState: "active" | "standby" | "error";
        /** @description The scheduler and its pause. */
        SchedulerView: {
            /** @description Maintenance windows that are not over, by their beginning. */
            maintenance: components["schemas"]["Maintenance"][];
            pause_reason: string | null;
            /** Format: date-time */
            paused_at: string | null;
            paused_by: string | null;
            /** @description The process that answers. */
            replica: string;
            scheduler: components["schemas"]["SchedulerState"];
            scheduler_enabled: boolean;
        };
        ScheduleView: {
            enabled: boolean;
            name: string;
            /** @description Without what a blackout, a maintenance window or a skip takes out. */
            next: string[];
            /** @description What its runs are given over the saved job, in the form of the body of `POST …/run`. */
            overrides: Record<string, unknown>;
            /** @description Where its runs go, over the job's. */
            placement: string | null;
            /** @description Slots to come that are skipped once. */
            skipped: components["schemas"]["SkipView"][];
            text: string;
            timezone: string;
        };
        /** @description The body of `PUT /admin/secrets/{name}`. */
        SecretBody: {
            /** @default  */
            value: string;
        };
        /** @description A secret that was deleted. */
        SecretDeleted: {
            name: string;
        };
        /** @description Every secret without its value. */
        SecretList: {
            secrets: components["schemas"]["SecretView"][];
        };
        /** @description A secret field: never what it is, only whether there is one. */
        SecretState: {
            by: string | null;
            /** Format: date-time */
            changed_at: string | null;
            state: components["schemas"]["SecretWord"];
        };
        /** @description A secret without its value. */
        SecretView: {
            name: string;
            /** Format: date-time */
            updated_at: string;
            updated_by: string;
        };
        /** @description What is to become of a secret. */
        SecretWish: {
            keep: boolean;
        } | {
            set: string;
        } | {
            clear: boolean;
        };
        /**
         * @description Whether a secret is there.
         * @enum {string}
         */
        SecretWord: "set" | "unset";
        /** @description A secret that was written. */
        SecretWritten: {
            name: string;
            updated_by: string;
        };
        /** @description A session. */
        Session: {
            address: string;
            /** @description What the browser says it is. */
            agent: string;
            /** Format: date-time */
            created_at: string;
            /** @description The one that asks. */
            current: boolean;
            /** Format: date-time */
            expires_at: string;
            id: string;
            opened_by: string;
            /** Format: date-time */
            refreshed_at: string;
            user: string;
        };
        /** @description Sessions. */
        SessionList: {
            sessions: components["schemas"]["Session"][];
        };
        /** @description A setting as somebody wants it. */
        SettingBody: {
            /** @description Null, as no body, takes it out of the file, so that the default counts. */
            value: unknown;
        };
        /** @description Every setting. */
        SettingList: {
            settings: components["schemas"]["SettingView"][];
        };
        /** @description A setting with what counts and who said so. */
        SettingView: {
            /** @description Whether `PUT /admin/settings/{key}` writes it: neither a variable nor a flag is set over the file. */
            changeable: boolean;
            /** @description The variable of the environment that sets it. */
            env: string;
            /** @description The line of the file, the variable or the flag. */
            from: string | null;
            /**
             * @description As in `app.toml`.
             * @example jobs.history_days
             */
            key: string;
            /** @description What will count after a restart, where that is another value. */
            next: unknown;
            /** @description Whether a new value counts only after a restart. */
            restart: boolean;
            /**
             * @description `default`, `file`, `env` or `flag`.
             * @example file
             */
            source: string;
            value: unknown;
        };
        /** @description What the form of that page sends. */
        SetupForm: {
            /** @default  */
            again?: string;
            /**
             * @description The one-time password.
             * @default
             */
            code?: string;
            /** @default  */
            new?: string;
            /**
             * @description Where to go then: a path of this server.
             * @default
             */
            to?: string;
            /** @default  */
            username?: string;
        };
        /** @enum {string} */
        Severity: "warning" | "error";
        /** @description A session that was opened or refreshed. */
        SignedIn: {
            /** @description For the header `Authorization`; a browser uses its cookie. */
            access_token: string;
            display_name: string;
            /**
             * Format: int64
             * @description Seconds.
             */
            expires_in: number;
            must_change_password: boolean;
            permissions: string[];
            source: string;
            user: string;
        };
        /** @description There is no session any more. */
        SignedOut: {
            /** @description Where the browser goes on to, to sign out at the provider that vouched for the session; null: nowhere. */
            continue_at: string | null;
            signed_out: boolean;
        };
        /** @description The body of `POST /admin/notifications/routes/simulate`. */
        SimulateBody: {
            /** @default  */
            event: components["schemas"]["AlertEvent"];
            /** @default  */
            job: string;
            /**
             * @description In place of those of the job.
             * @default null
             */
            tags?: string[] | null;
        };
        /** @description Somebody who would be told. */
        SimulatedRecipient: {
            /** @description Why nobody would get it. */
            failure: string | null;
            /**
             * Format: int32
             * @description Gathered over so many seconds.
             */
            group_seconds: number;
            /**
             * Format: date-time
             * @description Held back until then by quiet hours.
             */
            hold_until: string | null;
            /**
             * Format: date-time
             * @description The job or the route is muted until then.
             */
            muted_until: string | null;
            /** @description Empty: the transport's default. */
            recipient: string;
            /** @description Null: the job's own alerts, or the defaults. */
            route: string | null;
            /** @description Empty when none was found. */
            transport: string;
        };
        /** @description Who would get what. */
        Simulation: {
            recipients: components["schemas"]["SimulatedRecipient"][];
            severity: components["schemas"]["AlertSeverity"];
        };
        /** @description The body of `POST …/skip`. */
        SkipBody: {
            /**
             * @description The slot, RFC 3339 or a wall time of the schedule; without one, its next fire.
             * @default null
             * @example 2026-11-24T02:00:00Z
             */
            due_at?: string | null;
        };
        /** @description A slot that is skipped once, or is not any more. */
        Skipped: {
            /** Format: date-time */
            due_at: string;
            job_id: string;
            /**
             * Format: date-time
             * @description By the clock of the schedule.
             */
            local: string;
            /**
             * Format: date-time
             * @description When the schedule fires next, as things are now.
             */
            next: string | null;
            schedule: string;
        };
        /** @description A slot that is skipped once. */
        SkipView: {
            /** Format: date-time */
            due_at: string;
            /** @description Who skips it. */
            reason: string | null;
        };
        /** @enum {string} */
        SlotOutcome: "fired" | "skipped" | "missed" | "failed_to_start";
        /** @description A page of the ledger. */
        SlotPage: {
            job_id: string;
            /** @description For `before` of the next page; null on the last. */
            next: string | null;
            slots: components["schemas"]["SlotView"][];
        };
        /** @description A row of the ledger. */
        SlotView: {
            /** Format: date-time */
            decided_at: string;
            /** Format: date-time */
            due_at: string;
            outcome: components["schemas"]["SlotOutcome"];
            reason: string | null;
            run_id: string | null;
            schedule: string;
        };
        SourceView: {
            file: string;
            /** Format: int32 */
            line: number;
        };
        /** @description A stage of a test. */
        StageView: {
            /** @description What was found, or what is wrong, in the words of the driver. */
            detail: string;
            /** Format: double */
            ms: number;
            /** @description `declaration`, `resolve`, `connect`, `tls`, `sign-in`, `query`, `version`, `time`. */
            name: string;
            ok: boolean;
        };
        /** @description See the module's note. */
        Standing: {
            lease: components["schemas"]["LeaseView"] | null;
            /** @description What is as it should be, and worth knowing. */
            notes: string[];
            /** @description What somebody has to look at. */
            problems: string[];
            /** @description Each of both, with what a client needs to say it in another language. */
            remarks: components["schemas"]["HealthRemark"][];
            replicas: components["schemas"]["ReplicaView"][];
        };
        /** @description A statement that was looked at. */
        StatementView: {
            /**
             * Format: int32
             * @description The same in characters, from 1.
             */
            column: number;
            /** @description What it would return, as far as that can be known. */
            columns: components["schemas"]["ResultColumnView"][];
            hint: string | null;
            /** @description Its first word, in lower case. */
            keyword: string;
            /**
             * Format: int32
             * @description Where it begins, or where its mistake is: the line, from 1.
             */
            line: number;
            /** @description What is wrong with it, or why nobody can tell. */
            message: string | null;
            /** @description The names of its `:name` parameters. */
            params: string[];
            verdict: components["schemas"]["StatementWord"];
        };
        /**
         * @description What a database makes of a statement.
         * @enum {string}
         */
        StatementWord: "sound" | "wrong" | "unknown";
        StepDefinition: {
            enabled: boolean;
            name: string;
            op_kwargs: Record<string, unknown>;
            resumable: boolean;
            summary: string;
            /** Format: int32 */
            timeout_seconds: number;
            type: string;
            /** @description What has to be true for it to run. */
            when: string | null;
        };
        /** @description An attempt as events carry it. */
        StepEvent: {
            /** Format: int32 */
            attempt: number;
            error: components["schemas"]["ErrorView"] | null;
            /** Format: date-time */
            finished_at: string | null;
            /** Format: int32 */
            index: number;
            name: string;
            reason: string | null;
            /** Format: date-time */
            retry_at: string | null;
            /** Format: int64 */
            rows_affected: number | null;
            run_id: string;
            /** Format: date-time */
            started_at: string | null;
            status: components["schemas"]["StepStatus"];
            type: string;
            usage: Record<string, unknown> | null;
        };
        /** @description Lines of one attempt. */
        StepLines: {
            /** Format: int32 */
            attempt: number;
            /** Format: int64 */
            count: number;
            /**
             * Format: int64
             * @description Number of its first line.
             */
            first: number;
            /**
             * Format: int32
             * @description Position of the step; null for lines of the run itself.
             */
            index: number | null;
            step: string | null;
        };
        /** @description How long a step takes. */
        StepMedian: {
            /** Format: double */
            median_seconds: number;
            name: string;
            /** @description Runs that is the median of. */
            runs: number;
        };
        /** @enum {string} */
        StepStatus: "PENDING" | "QUEUED" | "RUNNING" | "SUCCEEDED" | "FAILED" | "CANCELED" | "SKIPPED";
        /** @description An attempt with its input and output. */
        StepView: components["schemas"]["StepEvent"] & {
            input: unknown;
            output: Record<string, unknown> | null;
        };
        /** @description The store as health sees it. */
        StoreHealth: {
            /** @description `sqlite` or `postgres`. */
            dialect: string;
            ok: boolean;
            /** Format: int32 */
            pool_idle: number;
            /**
             * Format: int32
             * @description Most connections of this process, those that nobody uses, and who waits for one.
             */
            pool_size: number;
            /** Format: int32 */
            pool_waiting: number;
        };
        /** @description Connections to a database. */
        StorePool: {
            /** Format: int32 */
            idle: number;
            name: string;
            /** Format: int32 */
            open: number;
            /** Format: int32 */
            size: number;
            /**
             * Format: int32
             * @description Who waits for one.
             */
            waiting: number;
        };
        /** @description A table. */
        StoreTable: {
            /**
             * Format: int64
             * @description With its indexes; null where the database does not say.
             */
            bytes: number | null;
            /**
             * Format: double
             * @description As many as so many rows take now.
             */
            bytes_per_day: number | null;
            name: string;
            /**
             * Format: int64
             * @description Large ones as the database last estimated them.
             */
            rows: number;
            /**
             * Format: double
             * @description Over the last 7 days; null for tables that do not grow with time.
             */
            rows_per_day: number | null;
        };
        /** @description The store. */
        StoreView: {
            /** Format: int64 */
            bytes: number;
            /** Format: double */
            bytes_per_day: number;
            /** @description `sqlite` or `postgres`. */
            dialect: string;
            pools: components["schemas"]["StorePool"][];
            /** @description The largest first. */
            tables: components["schemas"]["StoreTable"][];
        };
        /** @description A pass of retention. */
        Sweep: {
            /** @description What it returned: `cutoff`, `log_rows`, `step_rows`, `run_rows`, `slot_rows`; null while it runs. */
            removed: Record<string, unknown> | null;
            run: components["schemas"]["RunSummary"];
        };
        /** @description Tables of a connector. */
        TableList: {
            tables: components["schemas"]["TableView"][];
            /** @description There are more; ask for a part of the name. */
            truncated: boolean;
        };
        /** @description A table or view. */
        TableView: {
            name: string;
            schema: string | null;
            view: boolean;
        };
        /** @description The body of a test. */
        TestMessageBody: {
            /**
             * @description Channel or address, in place of the transport's default.
             * @default null
             */
            to?: string | null;
        };
        /** @description Something to save. */
        ThingToSave: {
            detail: string;
            place: string;
            reachable: boolean;
            /** @description `store`, `files` or `key`. */
            what: string;
        };
        /** @description An API token, without its text. */
        Token: {
            /** Format: date-time */
            created_at: string;
            /**
             * Format: date-time
             * @description Null: it counts until it is revoked.
             */
            expires_at: string | null;
            id: string;
            /** Format: date-time */
            last_used_at: string | null;
            last_used_from: string | null;
            name: string;
            permissions: string[];
            user: string;
        };
        /** @description A token that was made. */
        TokenCreated: components["schemas"]["Token"] & {
            /** @description Its text, told this once. */
            secret: string;
        };
        /** @description API tokens. */
        TokenList: {
            tokens: components["schemas"]["Token"][];
        };
        /** @description Over what messages go. */
        Transport: {
            default_recipient: string | null;
            enabled: boolean;
            /** @description It is on, and the last message over it did not get through. */
            failing: boolean;
            kind: components["schemas"]["TransportKind"];
            last_delivery: components["schemas"]["LastDelivery"] | null;
            name: string;
            /** @description Every secret field of its kind. */
            secrets: {
                [key: string]: components["schemas"]["SecretState"];
            };
            /** @description What is not secret, as it was written. */
            settings: Record<string, unknown>;
            source: components["schemas"]["TransportSource"];
        };
        /** @description A transport as it is written. */
        TransportBody: {
            /**
             * @description True without it.
             * @default null
             */
            enabled?: boolean | null;
            /** @default  */
            kind: components["schemas"]["TransportKind"];
            /**
             * @description Those that are not named stay as they are.
             * @default {}
             */
            secrets?: {
                [key: string]: components["schemas"]["SecretWish"];
            };
            /** @description What is not secret, by kind. */
            settings?: Record<string, unknown>;
        };
        /** @description A transport that was deleted. */
        TransportDeleted: {
            deleted: string;
        };
        /** @enum {string} */
        TransportKind: "slack" | "smtp" | "webhook" | "teams";
        /** @description Every transport. */
        TransportList: {
            /** @description What links in messages begin with; null: there are none. */
            public_url: string | null;
            /** @description Those of `app.toml` first. */
            transports: components["schemas"]["Transport"][];
        };
        /**
         * @description Where a transport is declared.
         * @enum {string}
         */
        TransportSource: "file" | "store";
        /** @description What came of a test. */
        TransportTest: {
            /** @description What the other side said, or why it could not be asked. */
            answer: string;
            /** @description Its record; null for values that are not saved. */
            delivery: string | null;
            /** Format: int32 */
            ms: number;
            ok: boolean;
            /** @description What was done, line by line. */
            trace: string[];
        };
        /** @description The body of a trial. */
        TryBody: {
            /**
             * @description As a step writes it.
             * @example visits:count_words
             */
            callable: string;
            params?: Record<string, unknown>;
        };
        /** @description A line a trial wrote. */
        TryLine: {
            level: string;
            message: string;
        };
        /** @description What came of a trial. */
        TryView: {
            error: components["schemas"]["Value"] | null;
            lines: components["schemas"]["TryLine"][];
            /** @description Lines that were left out. */
            lines_left_out: number;
            /** Format: int64 */
            ms: number;
            ok: boolean;
            output: components["schemas"]["Value"] | null;
            usage: components["schemas"]["Value"] | null;
        };
        /** @description Which mute. */
        UnmuteBody: {
            /** @default  */
            kind: components["schemas"]["MuteKind"];
            /** @default  */
            name: string;
        };
        /** @description The body of a test of values that are not saved. */
        UnsavedTransportBody: {
            /** @default  */
            kind: components["schemas"]["TransportKind"];
            /**
             * @description The transport whose secrets are kept where `{"keep": true}` says so.
             * @default null
             */
            name?: string | null;
            /** @default {} */
            secrets?: {
                [key: string]: components["schemas"]["SecretWish"];
            };
            settings?: Record<string, unknown>;
            /**
             * @description Channel or address, in place of the transport's default.
             * @default null
             */
            to?: string | null;
        };
        /** @description An account. */
        User: {
            /** Format: date-time */
            created_at: string;
            created_by: string;
            disabled: boolean;
            display_name: string;
            /** Format: date-time */
            last_sign_in: string | null;
            must_change_password: boolean;
            name: string;
            /** @description Granted here. */
            permissions: string[];
            /** @description Given by the groups of its provider. */
            permissions_from_groups: string[];
            source: components["schemas"]["AccountSource"];
        };
        /** @description The body of `PATCH /admin/users/{name}`. */
        UserBody: {
            /** @default null */
            disabled?: boolean | null;
            /** @default null */
            display_name?: string | null;
            /**
             * @description Added to them.
             * @default []
             */
            grant?: string[];
            /**
             * @description In place of all that were granted.
             * @default null
             */
            permissions?: string[] | null;
            /**
             * @description Taken from them.
             * @default []
             */
            revoke?: string[];
        };
        /** @description An account that was made. */
        UserCreated: components["schemas"]["User"] & {
            /** @description Told this once; null when the caller chose the password. */
            one_time_password: string | null;
            /** @description A link that brings it along, for the person to choose their own; null with the password. */
            setup_path: string | null;
        };
        /** @description What was deleted. */
        UserDeleted: {
            name: string;
        };
        /** @description Every account. */
        UserList: {
            users: components["schemas"]["User"][];
        };
        Value: unknown;
        /** @enum {string} */
        VersionChange: "create" | "edit" | "enable" | "restore" | "import" | "rename" | "file" | "delete";
        /** @description Something an operator should know about a job. */
        Warning: {
            /** @description `schedule-off`, `no-rows`. */
            code: string;
            /** @description In words. */
            message: string;
            /** @description The run it is about. */
            run_id: string | null;
        };
        /** @description The answer to "why did it (not) run?". */
        Why: {
            answers: components["schemas"]["WhyAnswer"][];
            /** Format: date-time */
            at: string | null;
            job_id: string;
            nearest: components["schemas"]["Nearest"];
        };
        /** @description Why a job did, or did not, run at an instant. */
        WhyAnswer: {
            /** Format: date-time */
            decided_at?: string;
            /** Format: date-time */
            due_at: string | null;
            /**
             * Format: date-time
             * @description By the clock of the schedule.
             */
            local: string | null;
            /** @description Of what stands in the ledger only. */
            outcome?: components["schemas"]["SlotOutcome"];
            reason: string | null;
            run_id: string | null;
            run_status: components["schemas"]["RunStatus"] | null;
            schedule: string | null;
            /** @description The answer in words. */
            text: string;
            /** @description A word of the ledger, `not_due`, `not_yet` or `unknown`. */
            verdict: string;
        };
        /** @description The time zones that schedules may name. */
        ZoneList: {
            /** @description The zone of a schedule that names none. */
            server: string;
            timezones: string[];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type About = components['schemas']['About'];
export type AccountSource = components['schemas']['AccountSource'];
export type Accuracy = components['schemas']['Accuracy'];
export type AccuracyHour = components['schemas']['AccuracyHour'];
export type AlertEvent = components['schemas']['AlertEvent'];
export type AlertRoute = components['schemas']['AlertRoute'];
export type AlertRouteBody = components['schemas']['AlertRouteBody'];
export type AlertRoutes = components['schemas']['AlertRoutes'];
export type AlertRoutesBody = components['schemas']['AlertRoutesBody'];
export type AlertSeverity = components['schemas']['AlertSeverity'];
export type Alive = components['schemas']['Alive'];
export type AppJobs = components['schemas']['AppJobs'];
export type AppJobsSaved = components['schemas']['AppJobsSaved'];
export type ApproveBody = components['schemas']['ApproveBody'];
export type AuditEntry = components['schemas']['AuditEntry'];
export type AuditLast = components['schemas']['AuditLast'];
export type AuditOutcome = components['schemas']['AuditOutcome'];
export type AuditPage = components['schemas']['AuditPage'];
export type AuditVerdict = components['schemas']['AuditVerdict'];
export type BackupState = components['schemas']['BackupState'];
export type Band = components['schemas']['Band'];
export type BrokenJobView = components['schemas']['BrokenJobView'];
export type Bundle = components['schemas']['Bundle'];
export type Calendar = components['schemas']['Calendar'];
export type CalendarRow = components['schemas']['CalendarRow'];
export type CalendarRun = components['schemas']['CalendarRun'];
export type CalendarSlot = components['schemas']['CalendarSlot'];
export type CallableKind = components['schemas']['CallableKind'];
export type CallablePage = components['schemas']['CallablePage'];
export type CallableView = components['schemas']['CallableView'];
export type CancelRequested = components['schemas']['CancelRequested'];
export type Check = components['schemas']['Check'];
export type CheckedSchedule = components['schemas']['CheckedSchedule'];
export type CheckName = components['schemas']['CheckName'];
export type CheckState = components['schemas']['CheckState'];
export type ConnectorFact = components['schemas']['ConnectorFact'];
export type ConnectorList = components['schemas']['ConnectorList'];
export type ConnectorTestView = components['schemas']['ConnectorTestView'];
export type ConnectorView = components['schemas']['ConnectorView'];
export type CronPreview = components['schemas']['CronPreview'];
export type Definition = components['schemas']['Definition'];
export type Delivery = components['schemas']['Delivery'];
export type DeliveryAttempt = components['schemas']['DeliveryAttempt'];
export type DeliveryDetail = components['schemas']['DeliveryDetail'];
export type DeliveryOutcome = components['schemas']['DeliveryOutcome'];
export type DeliveryPage = components['schemas']['DeliveryPage'];
export type DeliveryResent = components['schemas']['DeliveryResent'];
export type Dialect = components['schemas']['Dialect'];
export type DueInstant = components['schemas']['DueInstant'];
export type Ended = components['schemas']['Ended'];
export type ErrorView = components['schemas']['ErrorView'];
export type Estimate = components['schemas']['Estimate'];
export type FieldFinding = components['schemas']['FieldFinding'];
export type Finding = components['schemas']['Finding'];
export type FindingView = components['schemas']['FindingView'];
export type Given = components['schemas']['Given'];
export type Health = components['schemas']['Health'];
export type HealthRemark = components['schemas']['HealthRemark'];
export type ImportChange = components['schemas']['ImportChange'];
export type ImportInvalid = components['schemas']['ImportInvalid'];
export type ImportNext = components['schemas']['ImportNext'];
export type ImportPlan = components['schemas']['ImportPlan'];
export type Inputs = components['schemas']['Inputs'];
export type JobBody = components['schemas']['JobBody'];
export type JobCard = components['schemas']['JobCard'];
export type JobChecked = components['schemas']['JobChecked'];
export type JobDeleted = components['schemas']['JobDeleted'];
export type JobDetail = components['schemas']['JobDetail'];
export type JobDiff = components['schemas']['JobDiff'];
export type JobList = components['schemas']['JobList'];
export type JobSaved = components['schemas']['JobSaved'];
export type JobsBody = components['schemas']['JobsBody'];
export type JobSource = components['schemas']['JobSource'];
export type JobStats = components['schemas']['JobStats'];
export type JobVersion = components['schemas']['JobVersion'];
export type JobVersionList = components['schemas']['JobVersionList'];
export type JobVersionText = components['schemas']['JobVersionText'];
export type LastDelivery = components['schemas']['LastDelivery'];
export type LastTest = components['schemas']['LastTest'];
export type LateFire = components['schemas']['LateFire'];
export type Lateness = components['schemas']['Lateness'];
export type LeaseView = components['schemas']['LeaseView'];
export type LevelCount = components['schemas']['LevelCount'];
export type LineView = components['schemas']['LineView'];
export type Load = components['schemas']['Load'];
export type LoadStretch = components['schemas']['LoadStretch'];
export type LocalInstant = components['schemas']['LocalInstant'];
export type LogCounts = components['schemas']['LogCounts'];
export type LogDensity = components['schemas']['LogDensity'];
export type LogEvent = components['schemas']['LogEvent'];
export type LogHit = components['schemas']['LogHit'];
export type LogHitPage = components['schemas']['LogHitPage'];
export type LogHits = components['schemas']['LogHits'];
export type LoginBody = components['schemas']['LoginBody'];
export type LoginForm = components['schemas']['LoginForm'];
export type LogLevel = components['schemas']['LogLevel'];
export type LogPage = components['schemas']['LogPage'];
export type LogTail = components['schemas']['LogTail'];
export type LostSlot = components['schemas']['LostSlot'];
export type Maintenance = components['schemas']['Maintenance'];
export type MaintenanceBody = components['schemas']['MaintenanceBody'];
export type MaintenanceList = components['schemas']['MaintenanceList'];
export type MaintenanceState = components['schemas']['MaintenanceState'];
export type Me = components['schemas']['Me'];
export type MessagePart = components['schemas']['MessagePart'];
export type MessagePreview = components['schemas']['MessagePreview'];
export type Mute = components['schemas']['Mute'];
export type MuteBody = components['schemas']['MuteBody'];
export type MuteEnded = components['schemas']['MuteEnded'];
export type MuteKind = components['schemas']['MuteKind'];
export type MuteList = components['schemas']['MuteList'];
export type Nearest = components['schemas']['Nearest'];
export type NewTokenBody = components['schemas']['NewTokenBody'];
export type NewUserBody = components['schemas']['NewUserBody'];
export type NextFire = components['schemas']['NextFire'];
export type NextFires = components['schemas']['NextFires'];
export type Notice = components['schemas']['Notice'];
export type OneTimePassword = components['schemas']['OneTimePassword'];
export type OnRestart = components['schemas']['OnRestart'];
export type Overlap = components['schemas']['Overlap'];
export type PasswordBody = components['schemas']['PasswordBody'];
export type PasswordChanged = components['schemas']['PasswordChanged'];
export type PatchBody = components['schemas']['PatchBody'];
export type PauseBody = components['schemas']['PauseBody'];
export type PluginFact = components['schemas']['PluginFact'];
export type PluginGrants = components['schemas']['PluginGrants'];
export type PluginList = components['schemas']['PluginList'];
export type PluginReportView = components['schemas']['PluginReportView'];
export type PluginStatsOfVersion = components['schemas']['PluginStatsOfVersion'];
export type PluginStatsView = components['schemas']['PluginStatsView'];
export type PluginUsageView = components['schemas']['PluginUsageView'];
export type PluginUse = components['schemas']['PluginUse'];
export type PluginVersionList = components['schemas']['PluginVersionList'];
export type PluginVersionView = components['schemas']['PluginVersionView'];
export type PluginView = components['schemas']['PluginView'];
export type PoolHistoryView = components['schemas']['PoolHistoryView'];
export type PoolLoad = components['schemas']['PoolLoad'];
export type PoolStretchView = components['schemas']['PoolStretchView'];
export type PoolView = components['schemas']['PoolView'];
export type Preferences = components['schemas']['Preferences'];
export type PreferencesBody = components['schemas']['PreferencesBody'];
export type PresetView = components['schemas']['PresetView'];
export type PreviewBody = components['schemas']['PreviewBody'];
export type Problem = components['schemas']['Problem'];
export type ProcessView = components['schemas']['ProcessView'];
export type ProgressView = components['schemas']['ProgressView'];
export type Provider = components['schemas']['Provider'];
export type ProviderList = components['schemas']['ProviderList'];
export type QueryCheckBody = components['schemas']['QueryCheckBody'];
export type QueryCheckView = components['schemas']['QueryCheckView'];
export type QueryList = components['schemas']['QueryList'];
export type QueryView = components['schemas']['QueryView'];
export type Quiet = components['schemas']['Quiet'];
export type QuietHours = components['schemas']['QuietHours'];
export type QuietHoursBody = components['schemas']['QuietHoursBody'];
export type RecentRun = components['schemas']['RecentRun'];
export type Reloaded = components['schemas']['Reloaded'];
export type Remark = components['schemas']['Remark'];
export type RenameBody = components['schemas']['RenameBody'];
export type ReplayBody = components['schemas']['ReplayBody'];
export type ReplicaView = components['schemas']['ReplicaView'];
export type RestoreBody = components['schemas']['RestoreBody'];
export type ResultColumnView = components['schemas']['ResultColumnView'];
export type Retention = components['schemas']['Retention'];
export type RetentionPolicy = components['schemas']['RetentionPolicy'];
export type RetryView = components['schemas']['RetryView'];
export type RollBackBody = components['schemas']['RollBackBody'];
export type RunAccepted = components['schemas']['RunAccepted'];
export type RunBody = components['schemas']['RunBody'];
export type RunCount = components['schemas']['RunCount'];
export type RunDocument = components['schemas']['RunDocument'];
export type RunDot = components['schemas']['RunDot'];
export type RunPage = components['schemas']['RunPage'];
export type RunPlot = components['schemas']['RunPlot'];
export type RunStatus = components['schemas']['RunStatus'];
export type RunSummary = components['schemas']['RunSummary'];
export type RunView = components['schemas']['RunView'];
export type SampleView = components['schemas']['SampleView'];
export type ScheduleNote = components['schemas']['ScheduleNote'];
export type SchedulePatch = components['schemas']['SchedulePatch'];
export type SchedulerStanding = components['schemas']['SchedulerStanding'];
export type SchedulerState = components['schemas']['SchedulerState'];
export type SchedulerView = components['schemas']['SchedulerView'];
export type ScheduleView = components['schemas']['ScheduleView'];
export type SecretBody = components['schemas']['SecretBody'];
export type SecretDeleted = components['schemas']['SecretDeleted'];
export type SecretList = components['schemas']['SecretList'];
export type SecretState = components['schemas']['SecretState'];
export type SecretView = components['schemas']['SecretView'];
export type SecretWish = components['schemas']['SecretWish'];
export type SecretWord = components['schemas']['SecretWord'];
export type SecretWritten = components['schemas']['SecretWritten'];
export type Session = components['schemas']['Session'];
export type SessionList = components['schemas']['SessionList'];
export type SettingBody = components['schemas']['SettingBody'];
export type SettingList = components['schemas']['SettingList'];
export type SettingView = components['schemas']['SettingView'];
export type SetupForm = components['schemas']['SetupForm'];
export type Severity = components['schemas']['Severity'];
export type SignedIn = components['schemas']['SignedIn'];
export type SignedOut = components['schemas']['SignedOut'];
export type SimulateBody = components['schemas']['SimulateBody'];
export type SimulatedRecipient = components['schemas']['SimulatedRecipient'];
export type Simulation = components['schemas']['Simulation'];
export type SkipBody = components['schemas']['SkipBody'];
export type Skipped = components['schemas']['Skipped'];
export type SkipView = components['schemas']['SkipView'];
export type SlotOutcome = components['schemas']['SlotOutcome'];
export type SlotPage = components['schemas']['SlotPage'];
export type SlotView = components['schemas']['SlotView'];
export type SourceView = components['schemas']['SourceView'];
export type StageView = components['schemas']['StageView'];
export type Standing = components['schemas']['Standing'];
export type StatementView = components['schemas']['StatementView'];
export type StatementWord = components['schemas']['StatementWord'];
export type StepDefinition = components['schemas']['StepDefinition'];
export type StepEvent = components['schemas']['StepEvent'];
export type StepLines = components['schemas']['StepLines'];
export type StepMedian = components['schemas']['StepMedian'];
export type StepStatus = components['schemas']['StepStatus'];
export type StepView = components['schemas']['StepView'];
export type StoreHealth = components['schemas']['StoreHealth'];
export type StorePool = components['schemas']['StorePool'];
export type StoreTable = components['schemas']['StoreTable'];
export type StoreView = components['schemas']['StoreView'];
export type Sweep = components['schemas']['Sweep'];
export type TableList = components['schemas']['TableList'];
export type TableView = components['schemas']['TableView'];
export type TestMessageBody = components['schemas']['TestMessageBody'];
export type ThingToSave = components['schemas']['ThingToSave'];
export type Token = components['schemas']['Token'];
export type TokenCreated = components['schemas']['TokenCreated'];
export type TokenList = components['schemas']['TokenList'];
export type Transport = components['schemas']['Transport'];
export type TransportBody = components['schemas']['TransportBody'];
export type TransportDeleted = components['schemas']['TransportDeleted'];
export type TransportKind = components['schemas']['TransportKind'];
export type TransportList = components['schemas']['TransportList'];
export type TransportSource = components['schemas']['TransportSource'];
export type TransportTest = components['schemas']['TransportTest'];
export type TryBody = components['schemas']['TryBody'];
export type TryLine = components['schemas']['TryLine'];
export type TryView = components['schemas']['TryView'];
export type UnmuteBody = components['schemas']['UnmuteBody'];
export type UnsavedTransportBody = components['schemas']['UnsavedTransportBody'];
export type User = components['schemas']['User'];
export type UserBody = components['schemas']['UserBody'];
export type UserCreated = components['schemas']['UserCreated'];
export type UserDeleted = components['schemas']['UserDeleted'];
export type UserList = components['schemas']['UserList'];
export type Value = components['schemas']['Value'];
export type VersionChange = components['schemas']['VersionChange'];
export type Warning = components['schemas']['Warning'];
export type Why = components['schemas']['Why'];
export type WhyAnswer = components['schemas']['WhyAnswer'];
export type ZoneList = components['schemas']['ZoneList'];
