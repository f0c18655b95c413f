// Sets the stored theme and density before the first paint. A file of its own because the content security policy allows no inline script.
try {
  const root = document.documentElement
  const theme = localStorage.getItem('nomaflow.theme')
  if (theme === 'light' || theme === 'dark') root.dataset.theme = theme
  const density = localStorage.getItem('nomaflow.density')
  if (density === 'compact') root.dataset.density = density
} catch {
  // Storage may be forbidden: the system's theme stays.
}
