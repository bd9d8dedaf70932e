# escape=`
FROM mcr.microsoft.com/windows/servercore:ltsc2022
SHELL ["powershell", "-Command"]
RUN $x = 1; `
    # note
    Write-Host $x
COPY a.exe C:\bin\
WORKDIR C:\app\
