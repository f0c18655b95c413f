import { describe, expect, it } from 'vitest'
import { presetsOf, scheduleForm, summary, withoutPreset, withoutSchedule, withPreset, withSchedule } from './named'

const job = {
  id: 'j', schedule: '0 2 * * *', timezone: 'Europe/Paris',
  schedules: [{ name: 'weekly', cron: '0 3 * * 1', jitter_seconds: 30, enabled: false, params: { full: true } }],
}

describe('presets and schedules of a job', () => {
  it('puts a preset in, replaces one of the same name, and takes it out again', () => {
    const one = withPreset(job, { name: 'sandbox', values: { params: { target: 'sandbox' } } })
    expect(presetsOf(one)).toEqual([{ name: 'sandbox', values: { params: { target: 'sandbox' } } }])
    const two = withPreset(one, { name: 'sandbox', values: { step_enabled: { VIEWS: false } } })
    expect(presetsOf(two)).toEqual([{ name: 'sandbox', values: { step_enabled: { VIEWS: false } } }])
    expect(withoutPreset(two, 'sandbox')).toEqual(job)
  })

  it('reads the older spelling of arguments', () => {
    expect(presetsOf({ presets: [{ name: 'p', kwargs: { load: { n: 1 } } }] })).toEqual([{ name: 'p', values: { op_kwargs: { load: { n: 1 } } } }])
  })

  it('changes a schedule and keeps what it does not know', () => {
    const form = scheduleForm(job, 'weekly')
    expect(form).toEqual({ name: 'weekly', cron: '0 3 * * 1', every: '', timezone: 'Europe/Paris', values: { params: { full: true } } })
    const next = withSchedule(job, 'weekly', { ...form, cron: '0 4 * * 1', values: {} })
    expect(next.schedules).toEqual([{ name: 'weekly', cron: '0 4 * * 1', jitter_seconds: 30, enabled: false }])
  })

  it('adds a schedule under a free name, with a zone only where it has another', () => {
    const form = scheduleForm(job, null)
    expect(form.name).toBe('schedule-1')
    const next = withSchedule(job, null, { ...form, timezone: 'UTC' })
    expect((next.schedules as unknown[])[1]).toEqual({ name: 'schedule-1', cron: '0 2 * * *', timezone: 'UTC' })
  })

  it('treats the own schedule of the job as the one called default', () => {
    expect(withSchedule(job, 'default', { ...scheduleForm(job, 'default'), cron: '5 2 * * *' }).schedule).toBe('5 2 * * *')
    expect(withoutSchedule(job, 'default')).not.toHaveProperty('schedule')
    expect(withoutSchedule(job, 'weekly')).not.toHaveProperty('schedules')
  })

  it('says values in words', () => {
    expect(summary({ params: { a: 1, b: '' }, op_kwargs: { load: { n: [2] } }, step_enabled: { VIEWS: false }, log_level: 'DEBUG' }, 'off', 'on')).toBe('a = 1 · b = "" · load.n = [2] · VIEWS off · DEBUG')
  })
})
